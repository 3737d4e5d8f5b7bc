# New files arrive in STATE/staging/ID and are checked there. ROOT is not touched.
# shellcheck shell=sh disable=SC2154

# $1: bytes of the list of entries "KIND MODE SUM NAME" that comes first on standard input; the
# archive (a tar) follows. $2: the directory inside the archive that stands for ROOT, or ".".
# $3: what unpacks it. $4: the name of an archive that the config has brought by itself, where it has.
# $5: bytes of the address that follows in place of the archive, where this host is to fetch it from the store.
stage_files() {
	rm -rf -- "$staging"
	(umask 077 && mkdir -p -- "$staging") || fail "cannot make $staging"
	mkdir -- "$staging/in" || fail "cannot make $staging/in"
	pass_on "$1" >"$staging/list" || fail "cannot write $staging/list"
	# Fewer files than `sum_up` takes at once are added up when all are there.
	arrived=''
	[ "$1" -lt 30000 ] || arrived=$staging/arrived
	if [ -n "${4:-}" ]; then
		take_archive "$4" "$root" "${root%/*}"
		unpack "$3" "$staging/in" "$arrived" <"$staging/archive"
		rm -f -- "$staging/archive"
	elif [ -n "${5:-}" ]; then
		address=$(pass_on "$5")
		# What comes behind the end mark is taken too, else the tool would fail at it.
		{ fetch "$address" || : >"$staging/broken"; } | { unpack "$3" "$staging/in" "$arrived" && cat >/dev/null; } || exit 1
		[ ! -e "$staging/broken" ] || fail "cannot fetch the archive"
	else
		unpack "$3" "$staging/in" "$arrived"
	fi
	# tar stops at the end mark of the archive; what comes after it must not clog the connection.
	cat >/dev/null
	mv -- "$staging/in${2:+/$2}" "$stage" || fail "the archive has no directory $2"
	verify_stage "${2:+$2/}"
	settle_all "$state"
}

# The address $1 is as good as a password while it is valid. It comes to the tool on standard input: by
# printf, which is the shell's own, so that it stands in no list of processes.
fetch() {
	if command -v curl >/dev/null 2>&1; then
		printf 'url = "%s"\n' "$1" |
			curl --config - --silent --show-error --fail --connect-timeout 10 --speed-limit 1 --speed-time 20
	else
		printf '%s\n' "$1" | wget -q -O - --tries=1 --timeout=20 --input-file=-
	fi
}

# $1: gzip or zstd; $2: where to. $3: a file for the checksums of what has arrived, which are made while the
# rest is on its way; none where nobody asks for them.
unpack() {
	# Not into a file: the disk may be full.
	told=$(
		{
			{ untar "$1" "$2" 2>&3 && say unpacked >&3; } | {
				[ -z "${3:-}" ] || sum_up "$2" >"$3" 2>/dev/null
				cat >/dev/null
			}
		} 3>&1
	)
	case $newline$told in
	*"${newline}unpacked") ;;
	*)
		retell "$told" | tail -n 5
		fail "cannot unpack the archive"
		;;
	esac
}

# Prints the names, each before what it stands for is unpacked.
untar() {
	case $1 in
	# What comes behind the end mark is taken too, else zstd would fail at it.
	zstd) zstd -dcq | { tar -xvof - -C "$2" && cat >/dev/null; } ;;
	*) tar -xvzof - -C "$2" ;;
	esac
}

# Adds up the files in $1 whose names come on standard input, as sha256sum prints it. A file is whole when the
# next one's name has come. Nothing is said of one that is not there by the name that tar prints. So many
# at once that starting a process for them takes next to nothing.
sum_up() (
	cd -- "$1" && sed -n -e 's|^\./||' -e 's|^|./|' -e 'x;1!p;$!d;x;p' | tr '\n' '\0' | xargs -0 -n 256 sha256sum --
)

# The original puts an archive into ROOT, and one that has ROOT's name in it beside it. From here on it
# goes with what is staged.
# $1: its name; $2 and $3: where it may be.
take_archive() {
	for archive in "$2/$1" "$3/$1"; do
		[ ! -f "$archive" ] || mv -- "$archive" "$staging/archive" || fail "cannot move $archive"
	done
	[ -f "$staging/archive" ] || fail "upload_release_archive of the config has brought neither $2/$1 nor $archive"
}

# The config may have brought an archive of this name, or a part of one, for a deploy that does not
# take place. $2: whether ROOT was "present" before.
forget_archive() {
	rm -f -- "$root/$1" "${root%/*}/$1" || fail "cannot remove $1"
	if [ "$2" = absent ] && [ -d "$root" ]; then rmdir -- "$root" || fail "cannot remove $root"; fi
}

# Every file has the content of the manifest, every directory and link is there, and all have the
# modes that the manifest says. Directories stay writable until they are in place: a directory that
# its owner may not write cannot be renamed. $1: what the names in the archive have before them.
verify_stage() {
	list=$staging/check
	mkdir -- "$list" || fail "cannot make $list"
	cd -- "$stage" || fail "cannot enter $stage"
	look_at_entries verify <"$staging/list" >"$list/told" || {
		told=$(tail -n 1 -- "$list/told")
		fail "${told:-cannot look at what has arrived}"
	}
	# What is in a directory can be reached at least until that has its own mode.
	for modes in "$list"/modes-f* "$list"/modes-d*; do
		[ -e "$modes" ] || continue
		mode=${modes##*/modes-?}
		case $modes in */modes-d*) mode=$(printf %o $((0$mode | 0200))) ;; esac
		xargs -0 chmod -- "$mode" <"$modes" || fail "cannot set modes"
	done
	strike_arrived "$1"
	for sums in "$list/sums" "$list/links"; do
		[ ! -s "$sums" ] || sha256sum -c "$sums" >"$list/checked" 2>&1 || {
			grep -v ': OK$' "$list/checked" | head -n 5
			fail "the files that arrived are not the files that were sent"
		}
	done
	rm -rf -- "$list"
}

# What had the right content when it arrived need not be read again. In doubt it is.
strike_arrived() {
	[ -n "$arrived" ] || return 0
	sed "s|^\([0-9a-f]*  \./\)$1|\1|" "$arrived" | grep -vxF -f - -- "$list/sums" >"$list/left" ||
		[ $? -eq 1 ] || return 0
	mv -f -- "$list/left" "$list/sums"
}

drop_stage() {
	[ ! -e "$staging" ] || drop_tree "$staging"
	drop_replica
}

# What dead clients have sent. Only who has the lock may, and only when nothing is to be undone.
drop_stale_stages() {
	[ ! -e "${replica%/*}" ] || drop_tree "${replica%/*}"
	for old in "$state"/staging/*; do
		[ "$old" = "$staging" ] || [ ! -e "$old" ] || drop_tree "$old"
	done
	# With its journal it is what the last deploy can be rolled back with.
	for old in "$state"/undo/*; do
		[ -e "$old/journal" ] || drop_tree "$old"
	done
}

# What a directory's owner may not write cannot be emptied.
drop_tree() {
	rm -rf -- "$1" 2>/dev/null || {
		chmod -R u+rwX -- "$1" && rm -rf -- "$1"
	}
}
