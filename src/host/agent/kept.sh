# Runs the host's side from the file $1, which it has kept of itself; the rest is for it.
# shellcheck shell=sh disable=SC1090
[ -f "$1" ] || {
	echo "it is not kept any more"
	exit 1
}
kept=$1
shift
. "$kept"
