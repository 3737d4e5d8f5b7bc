# Puts a script, from standard input, where a shell on a terminal can read it: its input is the
# terminal. It removes itself. Prints the shell and the file.
umask 077
file=$(mktemp "${TMPDIR:-/tmp}/edeliver.XXXXXX") || exit 1
# shellcheck disable=SC2016 # for that script
{ printf 'rm -f -- "$0"\n' && cat; } >"$file" || exit 1
if [ "$1" = bash ]; then shell=$(command -v bash); fi
printf '%s\n' "${shell:-$(command -v sh)}" "$file"
