# Migrations as a part of a deploy: when the new release's files are in place, or before that.
# shellcheck shell=sh disable=SC2154

# $1: "undo" when they are to be undone with the deploy, else "keep". $2: nothing when the new files are in
# place; else "both" when files of both releases make up the new one, "alone" when it needs none of the
# old one's. What was pending is written down first, so that what ran can be told however this ends.
migrate_in_deploy() {
	if [ -n "${2:-}" ]; then
		begin_journal "$state/input"
		in_place=$root
		show_staged "$2"
		root=$shown
	fi
	find_migrator
	find_pid
	if [ "$through" != eval ] && [ -z "$pid" ]; then fail "the node does not run, in which the migrations would"; fi
	pending_migrations >"$staging/pending" || [ "$1" = keep ] || {
		cat -- "$staging/pending"
		fail "cannot tell which migrations are pending, so that they could be undone"
	}
	mark migrating "$1"
	run_migrations up || fail "a migration failed"
}

# Undoes those that this deploy ran, and no others. That it fails must not keep the files from going
# back: then it is said which are left.
undo_migrations() {
	grep -qx 'mark migrating undo' "$journal" || return 0
	! grep -qx 'mark migrations undone' "$journal" || return 0
	in_place=$root
	if ! grep -qx 'mark switched' "$journal"; then
		show_staged both
		root=$shown
	fi
	find_migrator
	find_pid
	if now=$(pending_migrations); then
		ran=$(without "$(cat -- "$staging/pending")" "$now")
		[ -z "$ran" ] || run_down "$ran"
	else
		say "$now"
		say "migrations_left of this deploy, if any ran: which is not known"
	fi
	root=$in_place
	mark migrations undone
}

# Makes a directory that looks as ROOT is going to, for the release to run in. A switch that was cut short
# has moved some of the new files there already. Sets $shown to it.
show_staged() {
	shown=$staging/shown
	drop_tree "$shown"
	mkdir -p -- "$staging/own" || fail "cannot write below $staging"
	show_both "$stage" "$root" "$shown" || fail "cannot write below $staging"
	if [ "$1" = alone ]; then
		for part in "$shown"/lib "$shown"/releases "$shown"/erts-*; do
			rm -rf -- "$part"
			! exists "$stage/${part##*/}" || ln -s -- "$stage/${part##*/}" "$part" || fail "cannot write $part"
		done
	fi
	# Start scripts look for their release around themselves, wherever a link to them is.
	rm -rf -- "${shown:?}/bin"
	mkdir -- "$shown/bin" || fail "cannot make $shown/bin"
	for part in "$root/bin" "$stage/bin"; do
		[ ! -d "$part" ] || cp -RPf -- "$part/." "$shown/bin" || fail "cannot write $shown/bin"
	done
}

# Makes $3 show, by links, what is in $1 and, where that has no such thing, in $2.
show_both() (
	mkdir -- "$3" || exit 1
	for each in "$1"/* "$1"/.[!.]* "$2"/* "$2"/.[!.]*; do
		name=${each##*/}
		if ! exists "$each" || exists "$3/$name"; then continue; fi
		if is_directory "$1/$name" && is_directory "$2/$name"; then
			show_both "$1/$name" "$2/$name" "$3/$name" || exit 1
		else
			ln -s -- "$each" "$3/$name" || exit 1
		fi
	done
)

is_directory() { [ -d "$1" ] && [ ! -L "$1" ]; }

run_down() {
	versions=$(say "$1" | cut -d ' ' -f 1 | tr '\n' ' ')
	undone=$(run_migrations down '' "${versions% }")
	say "$undone"
	without "$1" "$(say "$undone" | sed -n 's/^migrated down //p')" | sed 's/^/migrations_left /'
}

# For a plan: which migrations ran, by the word of the release in its place. It may not know those of the
# new one, but the database's own list has every one that ran.
tell_applied() {
	[ -d "$root" ] || fail "no release is there yet that could tell"
	find_migrator
	find_pid
	if [ "$through" = module ] && [ -z "$pid" ]; then fail "the node does not run, which could tell"; fi
	told=$(applied_migrations) || fail "$(say "$told" | head -n 1)"
	say "$told"
}
