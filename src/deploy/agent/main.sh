# One phase of a deploy on this host.
# shellcheck shell=sh disable=SC2154

# $1 is "upgrade" for a hot upgrade, "replicate" where a replica is to be made, and "replica" when one is
# compared with what is there: its modes are what they are.
survey() {
	say "at $root"
	[ "$1" != replica ] || umask 0
	survey_host
	state_facts
	node_facts
	case $1 in
	upgrade) upgrade_facts ;;
	replicate) release_sizes ;;
	esac
	survey_entries
}

# The new release is going to run: what it leaves from here on is its own.
announce_start() {
	(cd -- "$root" && for file in * .[!.]*; do say "$file"; done) >"$staging/top"
	node_logs >"$staging/logs"
	note_container "$staging/container"
	mark starting
}

# It runs as a new process and has proven itself. $1: its version.
prove_start() {
	was=$(node_before)
	was=${was#running }
	recall_container "$staging/container"
	verify_node "$1" "${was%% *}" "$(cat -- "$state/input")" || {
		retell "${output:-}"
		fail "the release did not come up: $why"
	}
	keep_control "$pid" "$1" || fail "cannot write below $state"
	[ "${2:-}" != drill ] || fail "this is a drill: the release came up, and is taken for one that did not"
	undrain_host || fail "the new release runs, but $why"
	say "started $pid $version"
}

# Once the host has gone back on its own, what is at work may be another client's.
if [ "$verb" = abandon ] && [ -d "$lock" ] && ! is_owner "$1"; then
	drop_stage
	done_line
	exit 0
fi
case $verb in survey | state | history | fingerprint | applied | open | hold | run | wait | renew | confirm | guard) ;; *) begin_phase ;; esac
case $verb in
survey) survey "${1:-}" ;;
state)
	say "at $root"
	state_facts
	history_lines 10
	node_facts
	;;
history) history_lines ;;
fingerprint) fingerprint ;;
applied) tell_applied ;;
run) run_phase "$@" ;;
wait) wait_phase "$@" ;;
renew) if is_owner "$1" && [ -f "$state/lease" ]; then renew_lease; fi ;; # else the guard has gone back
confirm) confirm_lease "$1" ;;
guard) guard_deploy "$1" "$2" ;;
open)
	make_state
	take_lock "$1" "$2"
	make_reserve
	keep_script "$3"
	say "kept $kept"
	[ -e "$journal" ] || drop_stale_stages
	survey "${4:-}"
	;;
stage) stage_files "$@" ;;
forget) forget_archive "$1" "$2" ;;
replicate) make_replica "$@" ;;
release) list_release ;;
take_replica) take_replica "$@" ;;
previous)
	[ "$(last_deploy)" = "$1" ] || fail "another deploy has taken place meanwhile"
	(umask 077 && mkdir -p -- "$staging") || fail "cannot make $staging"
	;;
switch)
	find_pid
	if [ -n "$pid" ]; then keep_control "$pid" "$1" || fail "cannot write below $state"; fi
	switch_tree "$state/input"
	;;
stop)
	was=$(node_before)
	is_container "$state/control" || refuse_other_container
	mark stopping
	drain_host || fail "$why"
	find_pids
	for old in $pids; do
		stop_node "$old" || fail "the running node (process $old) does not stop"
	done
	become "$@"
	;;
start)
	find_start
	refuse_other_container
	announce_start
	output=$(start_node) || {
		ended=$?
		retell "$output"
		fail "$start_line ended with exit status $ended"
	}
	prove_start "$1" "${2:-}"
	;;
install) install_upgrade ;;
permanent) make_permanent ;;
announce)
	mark stopping
	drain_host || fail "$why"
	announce_start
	;;
verify) prove_start "$1" ;;
migrate) migrate_in_deploy "$@" ;;
hold)
	is_owner "$1" || fail "the host has gone back on its own"
	stop_guard
	;;
undo) undo_deploy "${1:-}" ;;
commit)
	if [ -e "$journal" ]; then
		commit_tree
		write_history "$1"
	fi
	[ -e "$state/undo/$id/journal" ] || fail "there is nothing to commit"
	history_lines
	;;
prune) prune_releases "$@" ;;
abandon)
	drop_stage
	drop_guard
	drop_lock "$1"
	;;
*) fail "unknown phase $verb" ;;
esac
done_line
leave_phase
