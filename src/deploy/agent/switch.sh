# The new files are renamed into place and the old ones put aside; undo renames them back. Where a
# thing lies tells what has been done, so both can be cut short anywhere and done again.
# shellcheck shell=sh disable=SC2154

# A line in the journal, on the disk before the step that it announces.
mark() {
	say "mark $*" >>"$journal" || fail "cannot write $journal"
	settle "$journal"
}

# $1 is a file with the journal's beginning: what is to be done (lines "STEP FLAG PATH" between
# "plan" and "end") and what was there before.
begin_journal() {
	[ ! -e "$journal" ] || fail "an unfinished deploy is there: $journal"
	(umask 077 && cat -- "$1" >"$journal.new") || fail "cannot write $journal"
	settle "$journal.new"
	mkdir -p -- "$undo" || fail "cannot make $undo"
	mv -- "$journal.new" "$journal" || fail "cannot write $journal"
	settle "$state"
}

# Migrations that ran before the switch have begun the journal, of this same deploy.
switch_tree() {
	if ! grep -qsx "id $id" "$journal" || ! grep -q '^mark migrating' "$journal"; then begin_journal "$1"; fi
	find_stage
	[ -d "$root" ] || mkdir -- "$root" || fail "cannot make $root"
	switch_steps now
	forget_boot_copy
	settle "$root"
	mark switched
}

# Takes the steps for now, or those that wait until the whole deploy is verified (`later-STEP`).
switch_steps() {
	plan_steps <"$journal" | while read -r step flag name; do
		case $1-$step in now-later-*) continue ;; now-* | later-later-*) ;; *) continue ;; esac
		decode "$flag" "$name"
		switch_step "${step#later-}" "$name" || exit 1
	done || fail "cannot put the new files into place"
}

# A rollback takes what it puts into place from where the deploy before has put it aside, and gives it
# back there when it is undone itself.
find_stage() {
	from=$(fact_of from "$journal")
	[ -z "$from" ] || stage=$state/undo/$from/tree
}

plan_steps() {
	while read -r line && [ "$line" != plan ]; do :; done
	while read -r line && [ "$line" != end ]; do say "$line"; done
}

switch_step() {
	case $1 in
	aside) put_aside "$2" ;;
	add) put_in_place "$2" ;;
	replace) put_aside "$2" && put_in_place "$2" ;;
	keep) keep_copy "$2" ;;
	mode*) chmod -- "${1#mode}" "$root/$2" ;;
	esac
}

put_aside() {
	exists "$root/$1" || return 0
	make_parent "$undo/$1" && mv -- "$root/$1" "$undo/$1" && move_control "$1" "$undo/$1"
}

# What the node itself is going to change.
keep_copy() {
	make_parent "$undo/$1" && cp -p -- "$root/$1" "$undo/$1.new" && mv -- "$undo/$1.new" "$undo/$1"
}

put_in_place() {
	if exists "$root/$1"; then
		say "appeared meanwhile: $root/$1"
		return 1
	fi
	mv -- "$stage/$1" "$root/$1"
}

make_parent() {
	[ -d "${1%/*}" ] || mkdir -p -- "${1%/*}"
}

# The last step first.
undo_tree() {
	plan_steps <"$journal" | tac | while read -r step flag name; do
		decode "$flag" "$name"
		undo_step "$step" "$name" || exit 1
	done || fail "cannot put the old files back"
	forget_boot_copy
	if grep -qx 'root absent' "$journal" && [ -d "$root" ]; then
		# Nothing was there before, so all that is left in it is the failed release's own.
		keep_evidence
		rm -rf -- "$root" || fail "cannot remove $root"
	fi
	settle "${root%/*}"
}

undo_step() {
	case ${1#later-} in
	add) if exists "$root/$2" && ! exists "$stage/$2"; then take_back "$2"; fi ;;
	keep) ! exists "$undo/$2" || mv -- "$undo/$2" "$root/$2" ;;
	aside | replace)
		exists "$undo/$2" || return 0
		if exists "$root/$2"; then take_back "$2" || return 1; fi
		mv -- "$undo/$2" "$root/$2" && move_control "$2" "$root/$2"
		;;
	esac
}

# Moves a new thing from its place back into staging. A directory must be writable to be moved.
take_back() {
	make_parent "$stage/$1" || return 1
	if [ -d "$root/$1" ] && ! [ -L "$root/$1" ] && ! [ -w "$root/$1" ]; then chmod u+w -- "$root/$1"; fi
	mv -- "$root/$1" "$stage/$1"
}

# All hosts have verified: what was put aside is kept for `rollback`, older undo data goes.
commit_tree() {
	! grep -q '^mark undoing' "$journal" || fail "the host has begun to go back"
	mv -- "$journal" "$state/undo/$id/journal" || fail "cannot commit"
	settle "$state"
	for old in "$state"/undo/*; do
		[ "$old" = "$state/undo/$id" ] || rm -rf -- "$old"
	done
	drop_stage
}
