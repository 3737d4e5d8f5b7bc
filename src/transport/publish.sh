# give the received file $1 its name $2
set -e
[ ! -d "$2" ] || { echo "$2 is a directory" >&2; exit 1; }
mv -f -- "$1" "$2"
