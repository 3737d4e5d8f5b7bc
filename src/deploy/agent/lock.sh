# One deploy per ROOT at a time. The owner file says who: user, machine, pid, boot id, start time of
# the client's process, and since when. mkdir is the atomic step.
# shellcheck shell=sh disable=SC2154

# Makes our directory. On failure nothing of it is left.
make_state() {
	mkdir -p -- "$deliver_to" || fail "cannot make $deliver_to"
	(umask 077 && mkdir -p -- "$state" "$state/staging" "$state/undo") || fail "cannot make $state"
}

# owner: one line that identifies the client, without the time.
take_lock() {
	owner=$1 takeover=$2
	if [ -n "$takeover" ] && [ "$(cat "$lock/owner" 2>/dev/null)" = "$takeover" ]; then
		# The client has seen that this owner is dead. Renaming is atomic: one of two takers wins.
		mv -- "$lock" "$lock.dead.$id" 2>/dev/null && rm -rf -- "$lock.dead.$id"
	fi
	if mkdir -- "$lock" 2>/dev/null; then
		printf '%s\n' "$owner" >"$lock/owner" || fail "cannot write $lock/owner"
		settle "$lock/owner"
		say "lock taken"
	elif [ "$(cat "$lock/owner" 2>/dev/null)" = "$owner" ]; then
		say "lock taken"
	elif [ -d "$lock" ]; then
		say "lock held $(cat "$lock/owner" 2>/dev/null)"
		done_line
		exit 0
	else
		fail "cannot make $lock: $(mkdir -- "$lock")"
	fi
}

# Only the owner gives the lock back: a lock that was taken over is not ours any more.
drop_lock() {
	[ "$(cat "$lock/owner" 2>/dev/null)" = "$1" ] && rm -rf -- "$lock"
}

# A phase whose client has gone away may still be at work. Before anything is put right it must end,
# and two of them never work at once.
begin_phase() {
	read -r before started <"$state/phase" 2>/dev/null || before=''
	if [ -n "$before" ] && [ "$before" != $$ ] && [ "$(start_of "$before")" = "$started" ]; then
		case $verb in undo | abandon) end_phase "$before" ;; *) fail "an earlier phase is still at work (process $before)" ;; esac
	fi
	say "$$ $(start_of $$)" >"$state/phase" || fail "cannot write $state/phase"
}

# When a process started, in the kernel's ticks; nothing for a process that is not there.
start_of() { { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20; } 2>/dev/null; }

# Ends a phase with all of its commands: they share the process group that the session gave them.
end_phase() {
	group=$({ sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f3; } 2>/dev/null)
	kill -TERM -- "-$group" 2>/dev/null || kill -TERM "$1" 2>/dev/null
	waited=0
	while [ -n "$(start_of "$1")" ] && [ "$waited" -lt 100 ]; do
		sleep 0.1
		waited=$((waited + 1))
		[ "$waited" -ne 50 ] || kill -KILL -- "-$group" 2>/dev/null
	done
}
