# The host's side of a deploy. Needs a POSIX shell, coreutils, tar, gzip, grep, sed and xargs
# (with -0).
#
# Called as: VERB NONCE DELIVER_TO APP ID START_TIMEOUT STABLE_FOR ...
# Facts are printed as "KEY VALUE" lines; the last line of a phase that came to its end is
# "done NONCE". Without that line the outcome is unknown.
# shellcheck shell=sh disable=SC2034

set -u
# For the release's own programs it stays what it was.
EDELIVER_LOCALE=${EDELIVER_LOCALE-${LC_ALL-}}
LC_ALL=C
export LC_ALL EDELIVER_LOCALE
exec 2>&1

say() { printf '%s\n' "$*"; }

done_line() { say "done $nonce"; }

# The phase failed, for this reason; the client decides what happens next.
fail() {
	say "failed $*"
	done_line
	exit 1
}

# Passes on exactly $1 bytes of standard input. A dd that does not know fullblock says so before it
# reads anything.
pass_on() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$1" 2>/dev/null; }

# Waits for the disk: these files or directories are there after a power cut.
settle() { sync -- "$@" 2>/dev/null || sync; }

# The same for the whole file system that $1 is on.
settle_all() { sync -f -- "$1" 2>/dev/null || sync; }

# Names that `read` would change travel as octal escapes, marked with the flag "e". Sets $name.
decode() {
	case $1 in
	e)
		name=$(printf '%b.' "$2")
		name=${name%.}
		;;
	*) name=$2 ;;
	esac
}

exists() { [ -e "$1" ] || [ -L "$1" ]; }

# Passes on what a command has said: nothing of one that was silent, not an empty line.
retell() { [ -z "$1" ] || say "$1"; }

# One line for each of these paths.
devices_of() { stat -L -c %d -- "$@"; }

# Sets $now to seconds that pass evenly, whatever is done to the clock.
read_clock() {
	if read -r now _ 2>/dev/null </proc/uptime; then now=${now%%.*}; else now=$(date +%s); fi
}

# Waits for a moment, which is the longer the oftener it was waited: most things take no time. $nap is
# how long in hundredths of a second, and begins with 1.
take_nap() {
	sleep "0.0$nap"
	nap=$((nap < 5 ? nap * 2 : 9))
}

# Sets $first to the first line of file $1; to nothing where there is none.
first_line() {
	first=''
	{ IFS= read -r first <"$1"; } 2>/dev/null || :
}

# The nearest directory above $1, or $1, that exists.
existing() {
	place=$1
	while [ ! -d "$place" ]; do
		place=${place%/*}
		[ -n "$place" ] || place=/
	done
	printf '%s' "$place"
}

verb=$1 nonce=$2 deliver_to=$3 app=$4 id=$5 start_timeout=$6 stable_for=$7
shift 7
# As with the original, a path that does not start at / starts at the home directory.
case $deliver_to in /*) ;; *) deliver_to=$HOME/$deliver_to ;; esac
deliver_to=${deliver_to%/}
root=$deliver_to/$app
state=$deliver_to/.edeliver/$app
if [ -d "$root" ]; then
	root=$(cd -- "$root" && pwd -P) || fail "cannot enter $root"
	case ${kept:-$0} in
	# This script was kept where our files of this deploy are.
	*/agent-*) state=${kept:-$0} state=${state%/*} ;;
	*)
		# Renames work within one file system only, so ours must be on the one that the release is on.
		devices=$(devices_of "$root" "$deliver_to") || fail "cannot look at $root"
		[ "${devices%%[!0-9]*}" = "${devices##*[!0-9]}" ] || state=$root/.edeliver
		;;
	esac
fi
newline='
'
lock=$state/lock
journal=$state/journal
staging=$state/staging/$id
stage=$staging/tree
undo=$state/undo/$id/tree
# Scripts of the config find it at the same place on all hosts.
replica=$deliver_to/.edeliver/$app/replica/$id
