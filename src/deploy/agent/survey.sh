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
	for tool in tar gzip sha256sum stat mv mkdir rm timeout; do
		command -v "$tool" >/dev/null 2>&1 || { say "missing_tool $tool" && lacks=yes; }
	done
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

# Reads the manifest's entries "KIND FLAG MODE SUM NAME" and prints one line "entry TYPE" for each, in
# order: f d l o, or - for nothing. Then, in the same order, "sum ok|bad" and "mode OCTAL" for each
# regular file that is one, and "link ok|bad" for each link and "directory writable|read-only" for each
# directory that is one.
survey_entries() {
	# A host that lacks tools is told so; there is nothing to compare with.
	if [ -n "$lacks" ]; then
		while read -r _; do say "entry -"; done
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
	: >"$list/sums"
	: >"$list/modes"
	: >"$list/links"
	set --
	while read -r kind flag _ sum name; do
		decode "$flag" "$name"
		name=$root/$name
		type_of "$name"
		say "entry $type"
		case $kind$type in
		ff)
			sum_line "$sum" "$name" >>"$list/sums"
			set -- "$@" "$name"
			;;
		dd) if [ -w "$name" ] && [ -x "$name" ]; then say "directory writable"; else say "directory read-only"; fi >>"$list/links" ;;
		ll) if [ "$(link_sum "$name")" = "$sum" ]; then say "link ok"; else say "link bad"; fi >>"$list/links" ;;
		esac
		if [ $# -ge 200 ]; then
			stat -c 'mode %a' -- "$@" >>"$list/modes"
			set --
		fi
	done
	[ $# -eq 0 ] || stat -c 'mode %a' -- "$@" >>"$list/modes"
	# One line for every file, whatever the status of the whole.
	[ ! -s "$list/sums" ] || sha256sum -c "$list/sums" 2>/dev/null | while read -r line; do
		case $line in
		*': OK') say "sum ok" ;;
		*) say "sum bad" ;;
		esac
	done
	cat -- "$list/modes" "$list/links"
}

# Sets $type.
type_of() {
	if [ -L "$1" ]; then
		type=l
	elif [ -f "$1" ]; then
		type=f
	elif [ -d "$1" ]; then
		type=d
	elif [ -e "$1" ]; then
		type=o
	else
		type=-
	fi
}

# The checksum of a link's target: targets may hold any character.
link_sum() {
	sum_of=$(readlink -- "$1" | sha256sum)
	printf '%s' "${sum_of%% *}"
}

# A line as `sha256sum -c` reads it; names that need it are escaped, as coreutils does.
sum_line() {
	case $2 in
	*\\* | *'
'*)
		printf '\\%s  ' "$1"
		printf '%s' "$2" | sed -e 's/\\/\\\\/g' -e ':a' -e 'N' -e '$!ba' -e 's/\n/\\n/g'
		printf '\n'
		;;
	*) printf '%s  %s\n' "$1" "$2" ;;
	esac
}
