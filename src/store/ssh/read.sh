# print the file $1, or nothing where there is none
[ ! -e "$1" ] || exec cat -- "$1"
