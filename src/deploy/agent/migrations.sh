# Migrations as a part of a deploy: the new release's files are in place.
# shellcheck shell=sh disable=SC2154

# $1: "undo" when they are to be undone with the deploy, else "keep". What was pending is written down
# first, so that what ran can be told however this ends.
migrate_in_deploy() {
	find_migrator
	find_pid
	if [ "$through" = module ] && [ -z "$pid" ]; then fail "the node does not run, in which edeliver's module migrates"; fi
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
	find_migrator
	find_pid
	if now=$(pending_migrations); then
		ran=$(without "$(cat -- "$staging/pending")" "$now")
		[ -z "$ran" ] || run_down "$ran"
	else
		say "$now"
		say "migrations_left of this deploy, if any ran: which is not known"
	fi
	mark migrations undone
}

run_down() {
	versions=$(say "$1" | cut -d ' ' -f 1 | tr '\n' ' ')
	undone=$(run_migrations down '' "${versions% }")
	say "$undone"
	without "$1" "$(say "$undone" | sed -n 's/^migrated down //p')" | sed 's/^/migrations_left /'
}
