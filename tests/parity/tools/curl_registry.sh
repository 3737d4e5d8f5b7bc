#!/bin/sh
# `curl ... https://REGISTRY/v2/ACCOUNT/IMAGE/tags/list`: the tags that were pushed (docker.sh). No other
# address is reached.
set -eu

for url; do :; done
case $url in
https://*/v2/*/tags/list) ;;
*) exit 7 ;;
esac
name=${url#https://*/v2/}
name=${name%/tags/list}
registry=${url#https://}
registry=${registry%%/*}
[ "$registry" = index.docker.io ] || name=$registry/$name
place=@ENGINE@/pushed/$(printf %s "$name" | tr '/:' '__')
tags=''
for each in "${place}_"*; do
    [ ! -d "$each" ] || tags="$tags${tags:+,}\"${each##*/"${place##*/}"_}\""
done
# What nobody has pushed to is not there.
[ -n "$tags" ] || exit 22
printf '{"name":"%s","tags":[%s]}\n' "$name" "$tags"
