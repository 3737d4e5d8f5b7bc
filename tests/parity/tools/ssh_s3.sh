#!/bin/sh
# ssh where there is a bucket: that its secret stands on a command line is written down.
set -eu

# shellcheck source-path=SCRIPTDIR source=write_down.sh
. @HOME@/write_down.sh
case "$*" in
*'@SECRET@'*) write_down @HOME@/calls ssh 'the secret of the bucket' ;;
esac
exec /usr/bin/ssh -F @CONFIG@ "$@"
