# What is on the host, without changing anything.
# shellcheck shell=sh disable=SC2154

survey_host() {
	say "machine $(uname -m)"
	say "umask $(umask)"
	say "clock $(date +%s)"
	libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=''
	if [ -z "$libc" ] && ldd --version 2>&1 | grep -qi musl; then libc=musl; fi
	say "libc ${libc:-unknown}"
	place=$(existing "$root")
	devices=$(devices_of "$place" "$(existing "$state")") || fail "cannot look at $place"
	say "device ${devices%%[!0-9]*}"
	say "state_device ${devices##*[!0-9]}"
	say "free_kb $(df -Pk -- "$place" | free_of)"
	say "free_inodes $(df -Pi -- "$place" 2>/dev/null | free_of)"
	lacks=''
	for tool in tar gzip sha256sum stat mv mkdir rm timeout xargs; do
		command -v "$tool" >/dev/null 2>&1 || { say "missing_tool $tool" && lacks=yes; }
	done
	! command -v zstd >/dev/null 2>&1 || say "zstd yes"
	if command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1; then say "fetches yes"; fi
	set --
	for place in "$(existing "${root%/*}")" "$root" "$root/bin" "$root/lib" "$root/releases"; do
		[ -d "$place" ] || continue
		if ! [ -w "$place" ] || ! [ -x "$place" ]; then say "read_only $place"; fi
		case $place in "$root"/*) set -- "$@" "$place" ;; esac
	done
	[ $# -eq 0 ] || stat -L -c 'inner_device %d %n' -- "$@"
	for place in "$root"/erts-*; do [ ! -d "$place" ] || say "erts ${place##*/}"; done
	if [ -d "$root" ]; then say "root present"; elif exists "$root"; then say "root blocked"; else say "root absent"; fi
}

# The fourth field of the last line, as df prints it.
free_of() {
	free=''
	while read -r _ _ _ fourth _; do free=$fourth; done
	printf '%s' "$free"
}

# What a copy of the release takes.
release_sizes() {
	for part in "$root/bin" "$root/lib" "$root/releases" "$root"/erts-*; do
		exists "$part" || continue
		say "release_kb $(du -sk -- "$part" | { read -r kb _ && printf '%s' "$kb"; })"
		say "release_files $(find "$part" | wc -l)"
	done
}

# Reads the manifest's entries, and says in order what is there: "types" with one letter for each (f d l o,
# r for a directory that may not be written, - for nothing), "sums" with + or - for each regular file that
# is one, "modes" with their modes, "links" with + or - for each link that is one. Nothing is said where
# there is no release.
survey_entries() {
	# A host that lacks tools is told so; there is nothing to compare with.
	if [ -n "$lacks" ] || ! [ -d "$root" ] || ! [ -x "$root" ]; then
		cat >/dev/null
		return
	fi
	# Whoever has the lock has a place of its own, which is cleared away by the next one if need be.
	if [ "$verb" = open ]; then
		list=$state/survey
		rm -rf -- "$list"
		(umask 077 && mkdir -- "$list") || fail "cannot make $list"
	else
		list=$(mktemp -d "${TMPDIR:-/tmp}/edeliver.XXXXXX") || fail "cannot make a temporary directory"
	fi
	trap 'rm -rf -- "$list"' EXIT
	cd -- "$root" || fail "cannot enter $root"
	look_at_entries survey || fail "cannot look at what is in $root"
	say_outcomes sums
	# shellcheck disable=SC2046 # they are words
	[ ! -s "$list/files" ] || say modes $(xargs -0 stat -c %a -- <"$list/files")
	say_outcomes links
}

# One line for every file, whatever the status of the whole.
say_outcomes() (
	[ -s "$list/$1" ] || exit 0
	set -f
	IFS=$newline outcomes=''
	for line in $(sha256sum -c "$list/$1" 2>/dev/null); do
		case $line in
		*': OK') outcomes=$outcomes+ ;;
		*) outcomes=$outcomes- ;;
		esac
	done
	say "$1 $outcomes"
)

# Goes through entries on standard input, "KIND MODE SUM NAME" with a zero byte behind each, in this
# directory. For sha256sum it writes $list/sums and $list/links. With $1 "survey" it prints the types that
# are there, and writes the files that are there to $list/files; with "verify" all must be what they are
# to be, and $list/modes-* tells what is to get which mode.
look_at_entries() {
	# A shell for as many entries as fit on a command line: what it is given it need not read byte by byte.
	xargs -0 sh -c "$LOOK_AT_EACH" "$1" "$list"
}

# Names that lines cannot carry, and where links point, are summed by way of a file of the list's own.
# shellcheck disable=SC2016 # the shell that it is given to expands it
LOOK_AT_EACH='
list=$1 types="" count=0
shift
exec 3>>"$list/sums" 4>>"$list/links" 5>>"$list/files" || exit 1
for entry; do
	kind=${entry%% *} entry=${entry#* }
	mode=${entry%% *} entry=${entry#* }
	sum=${entry%% *} name=./${entry#* }
	if [ -L "$name" ]; then
		type=l
	elif [ -f "$name" ]; then
		type=f
	elif [ -d "$name" ]; then
		type=d
		[ -w "$name" ] && [ -x "$name" ] || type=r
	elif [ -e "$name" ]; then
		type=o
	else
		type=-
	fi
	types=$types$type
	case $0$kind$type in
	*ff)
		shown=$name
		case $name in *[!\ -~]* | *\\*)
			count=$((count + 1)) shown=$list/$$-$count
			ln -s -- "$PWD/$name" "$shown" || exit 1
			;;
		esac
		printf "%s  %s\n" "$sum" "$shown" >&3 || exit 1
		;;
	*ll)
		count=$((count + 1)) shown=$list/$$-$count
		readlink -- "$name" >"$shown" && printf "%s  %s\n" "$sum" "$shown" >&4 || exit 1
		continue
		;;
	verifydd | verifydr) ;;
	verify*)
		printf "failed did not arrive: %s\n" "$name"
		exit 255
		;;
	*) continue ;;
	esac
	case $0 in
	survey) printf "%s\0" "$name" >&5 || exit 1 ;;
	verify) printf "%s\0" "$name" >>"$list/modes-$kind$mode" || exit 1 ;;
	esac
done
[ "$0" = verify ] || printf "types %s\n" "$types"'
