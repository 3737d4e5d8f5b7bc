# collect the appups of a release: ROOT; prints them as a tar.
set -eu
cd -- "$1"
set -- lib/*/ebin/*.appup
if ! [ -f "$1" ]; then
  echo "the release has no appups" >&2
  exit 1
fi
exec tar -cf - -- "$@"
