# make the directory $1, and clear away what dead clients have left in it
mkdir -p -- "$1" && cd -- "$1" || exit 1
find . ! -name . -prune -name '.*.incoming*' -mtime +1 -exec rm -f -- {} +
