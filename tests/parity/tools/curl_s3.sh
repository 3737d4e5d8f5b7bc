#!/bin/sh
# Amazon's buckets are on a server of this machine.
set -eu

for word; do
    shift
    case $word in
    https://*.s3.amazonaws.com/*)
        rest=${word#https://}
        word=http://127.0.0.1:@PORT@/${rest%%.s3.amazonaws.com/*}/${rest#*.s3.amazonaws.com/}
        ;;
    esac
    set -- "$@" "$word"
done
exec /usr/bin/curl "$@"
