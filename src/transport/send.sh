# send the file $1: its bytes on standard output, its sha256 on standard error
set -e
[ ! -d "$1" ] || { echo "$1 is a directory" >&2; exit 1; }
cat <"$1"
if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" >&2
elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" >&2
else
    openssl dgst -sha256 -r <"$1" >&2
fi
