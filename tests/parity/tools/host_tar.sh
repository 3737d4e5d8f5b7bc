#!/bin/sh
# The original has the archive of a release written into the directory that it archives: GNU tar fails with
# "file changed as we read it" when it looks at that directory before gzip has made the file, which is chance.
# With the file there before, it always works.
case "$1 ${2-}" in
"--exclude="*" -zcpf") : >"$3" ;;
esac
exec /usr/bin/tar "$@"
