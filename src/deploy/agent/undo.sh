# Back to how it was: the files, then the node.
# shellcheck shell=sh disable=SC2154,SC2034

# What the journal says was there before: "running PID VERSION" or "stopped".
node_before() { fact_of node "$journal"; }

# $1: a line for the history; without one it gets the one that the journal has for this case.
undo_deploy() {
	[ ! -e "$state/undo/$id/journal" ] || fail "the deploy is final here: its commit has taken place"
	if [ ! -e "$journal" ]; then
		# The switch may have been cut short right before it had one.
		rm -rf -- "${state:?}/undo/$id"
		return 0
	fi
	# A journal that somebody else left is undone under its own name.
	id=$(fact_of id "$journal")
	staging=$state/staging/$id stage=$staging/tree undo=$state/undo/$id/tree
	find_stage
	was=$(node_before)
	old_pid='' old_version=unknown
	case $was in
	running*)
		old_pid=${was#running }
		old_version=${old_pid#* }
		old_pid=${old_pid%% *}
		;;
	esac
	told=${1:-$(fact_of history "$journal")}
	grep -q '^mark undoing' "$journal" || mark undoing
	undo_migrations
	if grep -q '^mark starting' "$journal"; then
		# One that runs, as other hosts have failed, may be in use.
		find_pids
		[ -z "$pids" ] || drain_host || say "$why"
		stop_failed
	fi
	if grep -q '^mark installing' "$journal"; then undo_upgrade; fi
	undo_tree
	if [ -n "$old_pid" ]; then
		find_pids
		say "$pids" | grep -qx "$old_pid" || restart_old
	fi
	undrain_host || fail "the host is as it was, but $why"
	rm -f -- "$journal" || fail "cannot remove $journal"
	write_history "$told"
	rm -rf -- "$state/undo/$id"
	drop_stage
	settle "$state"
}

# The new release's processes end, by force if need be, and what it left is kept.
stop_failed() {
	find_pids
	for new in $pids; do
		[ "$new" = "$old_pid" ] || stop_node "$new" kill || fail "process $new of the new release does not end"
	done
	keep_evidence
	remove_container "$staging/container"
}

restart_old() {
	say "restarting $old_version"
	# Its files are back.
	kind_script='' control_of=''
	# Something may have been started meanwhile: by an earlier try to go back, or by the system after a
	# power cut, from files of either release.
	find_pids
	for other in $pids; do
		stop_node "$other" kill || fail "the files are back, but process $other of the node does not end"
	done
	start_node || fail "the files are back, but the old release does not start"
	verify_node "$old_version" '' || fail "the files are back, but the old release does not run: $why"
	keep_control "$pid" "$version" || fail "cannot write below $state"
}

# The failed release's log and crash dump are kept in STATE/failed/ID, and so is whatever it put
# beside the release's files since its start: it was not there before.
keep_evidence() {
	evidence=$state/failed/$id
	[ ! -d "$evidence" ] || return 0
	rm -rf -- "$state/failed"
	(umask 077 && mkdir -p -- "$evidence") || fail "cannot make $evidence"
	say "evidence $evidence"
	node_log "$(cat "$staging/logs" 2>/dev/null)" | tee -- "$evidence/last_lines"
	[ -f "$staging/top" ] || return 0
	# A directory of its own, as the release may have made files of any name.
	mkdir -- "$evidence/files" || fail "cannot make $evidence/files"
	for file in "$root"/* "$root"/.[!.]*; do
		exists "$file" || continue
		grep -qxF -e "${file##*/}" "$staging/top" || mv -- "$file" "$evidence/files/" || fail "cannot move $file"
	done
	for dump in "$evidence/files/erl_crash.dump" "$root/erl_crash.dump"; do
		[ -z "$(find "$dump" -newer "$staging/top" 2>/dev/null)" ] || say "crash_dump $dump"
	done
}

# That it cannot be written down changes nothing about what was done.
write_history() {
	[ -z "$1" ] || printf '%s\n' "$1" >>"$state/history.jsonl" || say "cannot write $state/history.jsonl"
}
