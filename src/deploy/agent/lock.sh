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
	if [ -n "$takeover" ] && is_owner "$takeover"; then
		# The client has seen that this owner is dead. Renaming is atomic: one of two takers wins.
		stop_guard
		end_phase
		mv -- "$lock" "$lock.dead.$id" 2>/dev/null
	fi
	tries=0
	until reason=$(mkdir -- "$lock" 2>&1); do
		if is_owner "$owner"; then
			say "lock taken"
			return
		elif [ -d "$lock" ]; then
			first_line "$lock/owner"
			say "lock held $first"
			done_line
			exit 0
		fi
		# It may have been given back between the two.
		tries=$((tries + 1))
		[ "$tries" -lt 5 ] || fail "cannot make $lock: $reason"
	done
	printf '%s\n' "$owner" >"$lock/owner" || fail "cannot write $lock/owner"
	settle "$lock/owner"
	for dead in "$lock".dead.*; do [ ! -e "$dead" ] || rm -rf -- "$dead"; done
	say "lock taken"
}

# The phases to come need not be sent this script. It has a name that no other version of it has, and it
# does nothing when it is not whole: what it does stands at its end.
keep_script() {
	kept=$state/agent-$1
	(umask 077 && printf '%s\n' "$own_text" >"$state/agent.new") || fail "cannot write $state/agent.new"
	mv -f -- "$state/agent.new" "$kept" || fail "cannot write $kept"
	for old in "$state"/agent-*; do
		case $old in "$kept" | *'*') ;; *) rm -f -- "$old" ;; esac
	done
}

# A lock whose maker died before it could write its name has the owner "-".
is_owner() {
	first_line "$lock/owner"
	[ "${first:--}" = "$1" ]
}

# Only the owner gives the lock back: a lock that was taken over is not ours any more.
drop_lock() {
	! is_owner "$1" || rm -rf -- "$lock"
}
