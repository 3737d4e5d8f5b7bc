# Functions of the config that clean or unpack by themselves do so in a replica: a directory that stands
# for DELIVER_TO, in which APP/ is a copy of the release. What they make of it is staged.
# shellcheck shell=sh disable=SC2154

# $1: where the archive on standard input belongs in the replica, or "" when the config brings it by
# itself; $2: its checksum. $3: "clean" when the release's directories are to go, as with --clean-deploy.
make_replica() {
	drop_replica
	(umask 077 && mkdir -p -- "$replica" "$staging") || fail "cannot make $replica"
	mkdir -- "$replica/$app" || fail "cannot make $replica/$app"
	list_release
	if [ -d "$root" ]; then
		cd -- "$root" || fail "cannot enter $root"
		for part in bin lib releases erts-*; do
			exists "$part" || continue
			case ${3:-}:$part in clean:bin) ;; clean:*) continue ;; esac
			# A link in the place of a directory would lead what is done to the replica to the release.
			cp -R -H -p -- "$part" "$replica/$app/" || fail "cannot copy $root/$part"
		done
	fi
	if [ -n "$1" ]; then
		cat >"$replica/$1" || fail "cannot write $replica/$1"
		sum=$(sha256sum <"$replica/$1")
		[ "${sum%% *}" = "$2" ] || fail "the archive that arrived is not the one that was sent"
	else
		cat >/dev/null
	fi
}

# What the release in its place consists of. What the application writes beside it is nobody's business.
list_release() {
	[ -d "$root" ] || return 0
	cd -- "$root" || fail "cannot enter $root"
	set --
	for part in bin lib releases erts-*; do ! exists "$part" || set -- "$@" "./$part"; done
	[ $# -eq 0 ] || list_trees "$@"
}

# Prints what is below these paths, each of which begins with "./": "has_dir MODE FLAG NAME", "has_file
# MODE FLAG NAME" with "has_sum SUM FLAG NAME", "has_link SUM FLAG NAME".
list_trees() {
	{
		find "$@" -type d ! -path '*[! -~]*' ! -path '*\\*' -exec stat -c 'has_dir %a - %n' {} + &&
			find "$@" -type f ! -path '*[! -~]*' ! -path '*\\*' -exec stat -c 'has_file %a - %n' {} + &&
			find "$@" \( -type l -o -path '*[! -~]*' -o -path '*\\*' \) -exec sh -c "$LIST_EACH" sh {} + &&
			find "$@" -type f ! -path '*[! -~]*' ! -path '*\\*' -exec sha256sum {} + >"$staging/sums"
	} || fail "cannot read what is in $PWD"
	sed 's/^\([0-9a-f]*\) [ *]/has_sum \1 - /' "$staging/sums"
	rm -f -- "$staging/sums"
}

# Links, and names that lines cannot carry as they are.
# shellcheck disable=SC2016 # the shell that it is given to expands it
LIST_EACH='
for name; do
	written=$(printf %s "$name" | od -An -v -to1 | tr -d "\n" | sed "s/ /\\\\0/g")
	if [ -L "$name" ]; then
		sum=$(readlink -- "$name" | sha256sum) && printf "has_link %s e %s\n" "${sum%% *}" "$written"
	elif [ -d "$name" ]; then
		mode=$(stat -c %a "$name") && printf "has_dir %s e %s\n" "$mode" "$written"
	elif [ -f "$name" ]; then
		mode=$(stat -c %a "$name") && printf "has_file %s e %s\n" "$mode" "$written" &&
			sum=$(sha256sum <"$name") && printf "has_sum %s e %s\n" "${sum%% *}" "$written"
	fi || exit 1
done'

# $1: the archive by name. $2: "unpack" when that is ours to do; $3: the directory in the archive that
# stands for ROOT. What was made of the release is staged then.
take_replica() {
	if [ "$2" = unpack ]; then
		take_archive "$1" "$replica/$app" "$replica"
		if [ -n "$3" ]; then into=$replica; else into=$replica/$app; fi
		unpack gzip "$into" <"$staging/archive"
		rm -f -- "$staging/archive"
	fi
	rm -f -- "$replica/$app/$1" "$replica/$1" || fail "cannot remove $1"
	made=$replica/$app
	if ! [ -d "$made" ] || [ -L "$made" ]; then fail "the functions of the config have left no directory $app in DELIVER_TO"; fi
	if ! [ -f "$made/bin/$app" ] || ! [ -x "$made/bin/$app" ]; then fail "the functions of the config have left no program $app/bin/$app in DELIVER_TO"; fi
	say "boots $(version_in "$made")"
	for beside in "$replica"/* "$replica"/.[!.]*; do
		if exists "$beside" && [ "$beside" != "$made" ]; then say "beside ${beside##*/}"; fi
	done
	cd -- "$made" || fail "cannot enter $made"
	list_trees .
	# A directory that its owner may not write cannot be renamed; it gets its mode when it is in place.
	find . -type d ! -perm -200 -exec chmod u+w {} + || fail "cannot set modes"
	cd -- "$replica" || fail "cannot enter $replica"
	mv -- "$made" "$stage" || fail "cannot move $made"
	drop_replica
	settle_all "$state"
}

drop_replica() {
	[ -e "${replica%/*}" ] || return 0
	drop_tree "$replica"
	# Where our directory is elsewhere nothing is to be left here. What is not empty stays.
	(cd -- "$deliver_to" && rmdir -p -- ".edeliver/$app/replica") 2>/dev/null || :
}
