# list the archives of the application $2 in the directory $1: a line "SIZE SECONDS NAME" for each
[ -e "$1" ] || exit 0
app=$2
cd -- "$1" || exit 1
set --
for file in "$app"_*.tar.gz; do [ ! -f "$file" ] || set -- "$@" "$file"; done
[ $# -gt 0 ] || exit 0
stat -L -c '%s %Y %n' -- "$@" 2>/dev/null || stat -L -f '%z %m %N' -- "$@"
