# A phase that changes the host runs on its own, not in the client's session: it goes on when the link
# is cut. The client renews a lease while it waits or does something else. When it does not, for
# longer than the lease, the guard takes the deploy for abandoned and undoes it.
# shellcheck shell=sh disable=SC2154,SC2034

# A phase whose client has gone away may still be at work, and two of them never work at once. What is
# to be put right ends it, unless it is at that itself: then its end is waited for. One that has said that
# it came to its end has left nothing behind that is at work.
begin_phase() {
	case $verb in undo | abandon | commit) use_reserve ;; esac
	# The phase before this one has become this one.
	if runs "$state/phase" && [ "$process" = $$ ]; then
		say "$$ $started $verb" >"$state/phase" || fail "cannot write $state/phase"
		return
	fi
	read_clock
	last=$((now + start_timeout * 4 + 60)) tries=0
	until claim_phase; do
		# One that is being written this moment is read once it is.
		runs "$state/phase" || [ -n "$process" ] || sleep 0.2
		if ! runs "$state/phase"; then
			tries=$((tries + 1))
			[ "$tries" -lt 10 ] || fail "cannot write $state/phase"
		else
			case $verb:$at_work in
			undo:undo | abandon:undo)
				read_clock
				if [ "$now" -lt "$last" ]; then sleep 0.1 && continue; fi
				;;
			undo:* | abandon:*) ;;
			*) fail "an earlier phase is still at work (process $process)" ;;
			esac
		fi
		[ "$process" = ended ] || end_phase
		give_up_claim
	done
	# One that was held up before may come when the host has gone back, and its lock is somebody else's.
	if [ -n "${EDELIVER_OWNER:-}" ] && ! is_owner "$EDELIVER_OWNER"; then
		rm -f -- "$state/phase"
		fail "the host has gone back on its own"
	fi
	unset EDELIVER_OWNER
}

# The phase's last act. One that has cleared everything away has no claim any more.
leave_phase() { ! runs "$state/phase" || [ "$process" != $$ ] || say "ended -" >"$state/phase"; }

# Becomes phase $1 with its arguments, without a moment in which no phase is at work.
become() {
	next=$1
	shift
	exec sh "$0" "$next" "$nonce" "$deliver_to" "$app" "$id" "$start_timeout" "$stable_for" "$@"
}

# Only one of several that try it at once succeeds.
claim_phase() {
	start_of $$
	(set -C && say "$$ $born $verb" >"$state/phase") 2>/dev/null
}

# Takes away the claim that was read last, and no other that was made meanwhile.
give_up_claim() {
	mv -- "$state/phase" "$state/phase.$$" 2>/dev/null || return 0 # somebody else has done so
	if read -r owner_now _ 2>/dev/null <"$state/phase.$$" && [ "$owner_now" != "$process" ]; then
		mv -- "$state/phase.$$" "$state/phase"
	fi
	rm -f -- "$state/phase.$$"
}

# Space and inodes that the way back can be sure of, even when the disk has filled up meanwhile.
make_reserve() {
	use_reserve
	(
		umask 077
		mkdir -- "$state/reserve" && head -c 262144 /dev/zero >"$state/reserve/space" || exit 1
		file=0
		while [ "$file" -lt 50 ]; do
			: >"$state/reserve/$file" || exit 1
			file=$((file + 1))
		done
	) || fail "cannot write $state/reserve"
}

use_reserve() { [ ! -e "$state/reserve" ] || rm -rf -- "${state:?}/reserve"; }

# Sets $born to what tells process $1 from another one with the same id: when it started, in the kernel's
# ticks. To nothing for a process that is not there or has ended.
start_of() {
	born=''
	if [ -r /proc/self/stat ]; then
		{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
		stat=${stat##*) }
		case $stat in Z*) return 0 ;; esac
		# shellcheck disable=SC2086 # its fields are words
		set -- $stat
		born=${20}
	elif kill -0 "$1" 2>/dev/null; then
		born=running
	fi
}

# Whether the process that file $1 names still runs. Sets $process and what it is $at_work at.
runs() {
	process='' started='' at_work=''
	# One that had ended before it was written down has no start.
	read -r process started at_work 2>/dev/null <"$1" && [ -n "$started" ] && start_of "$process" && [ "$born" = "$started" ]
}

# Ends the process that file $1 names, with all that it has started. When it was killed, that works on
# without it: its subshells, and a start script that is about to start a node.
end_recorded() {
	read -r process started _ 2>/dev/null <"$1" && [ -n "$process" ] && [ "$process" != $$ ] || return 0
	start_of "$process"
	# The number may belong to somebody else by now.
	[ "${born:-$started}" = "$started" ] || return 0
	signal=TERM waited=0 nap=1
	while [ "$waited" -lt 110 ]; do
		left=$(session_of "$process")
		[ -n "$left" ] || break
		# shellcheck disable=SC2086 # they are words
		kill -s "$signal" $left 2>/dev/null
		take_nap
		waited=$((waited + 1))
		[ "$waited" -lt 55 ] || signal=KILL
	done
}

# The processes of the session that $1 leads or has led, and $1 itself. A node has a session of its own.
session_of() {
	if [ -r /proc/self/stat ]; then
		sed -n -e "s/^\([0-9]*\) (.*) [^Z] [0-9]* [0-9]* $1 .*/\1/p" -e "s/^\($1\) (.*) [^Z] .*/\1/p" \
			/proc/[0-9]*/stat 2>/dev/null
	elif kill -0 "$1" 2>/dev/null; then
		say "$1"
	fi
}

end_phase() { end_recorded "$state/phase"; }

stop_guard() {
	[ ! -e "$state/lease" ] || rm -f -- "$state/lease"
	end_recorded "$state/guard"
	rm -f -- "$state/guard"
}

renew_lease() {
	read_clock
	say "$now" >"$state/lease" || fail "cannot write $state/lease"
}

# The last answer may have been long on its way. From here the lease is whole again, on all hosts before
# the first of them commits.
confirm_lease() {
	if ! is_owner "$1" || ! [ -f "$state/lease" ]; then fail "the host has gone back on its own"; fi
	renew_lease
	! grep -q '^mark undoing' "$journal" || fail "the host has begun to go back"
}

# In a session of its own, where the system has setsid; else it ignores the end of the client's.
detached() {
	if command -v setsid >/dev/null 2>&1; then
		setsid "$@" </dev/null &
	else
		(
			trap '' HUP
			exec "$@" </dev/null
		) &
	fi
}

# Runs phase $4 with its arguments; what it reads is on standard input. $1: the lease in seconds; $2: the
# name by which this script is kept; $3: the owner of the lock.
run_phase() {
	lease=$1 agent=$state/agent-$2 owner=$3 phase=$4
	shift 4
	if ! is_owner "$owner"; then
		# Another client has the lock, or the guard has given it back after it has undone the deploy.
		[ "$phase" != undo ] || { say "undone_before" && done_line && exit 0; }
		fail "the host has gone back on its own: it was not reached within the lease of $lease s"
	fi
	case $phase in undo | commit) use_reserve ;; esac
	renew_lease
	# It comes whole when what is kept is not relied upon.
	if [ -n "${own_text:-}" ]; then keep_script "${agent##*/agent-}"; fi
	(umask 077 && cat >"$state/input") || fail "cannot write $state/input"
	# A new file: an earlier phase that was killed may still write into the old one.
	rm -f -- "$state/output"
	(umask 077 && : >"$state/output") || fail "cannot write $state/output"
	if ! runs "$state/guard"; then
		detached sh "$agent" guard "$nonce" "$deliver_to" "$app" "$id" "$start_timeout" "$stable_for" \
			"$lease" "$owner" >"$state/guard.log" 2>&1
	fi
	# The pipe has its end when the phase has: nobody else gets hold of it.
	{
		detached env "EDELIVER_OWNER=$owner" \
			sh "$agent" "$phase" "$nonce" "$deliver_to" "$app" "$id" "$start_timeout" "$stable_for" \
			"$@" 9>&1 >>"$state/output" 2>&1
		start_of $!
		say "$! $born" >"$state/runner"
	} | timeout "$((lease / 3 + 1))" cat
	wait_phase "$lease" "$phase" "$owner"
}

# Waits for phase $2 of the owner $3 for a third of the lease $1 at the most, so that the next wait renews
# it in good time.
wait_phase() {
	if ! is_owner "$3" || [ ! -f "$state/runner" ]; then
		if [ "$2" = undo ] && { ! is_owner "$3" || [ ! -e "$journal" ]; }; then
			say "undone_before"
			done_line
			exit 0
		fi
		fail "no phase runs: the host has gone back on its own, as it was not reached within the lease of $1 s"
	fi
	renew_lease
	end=$((now + $1 / 3 + 1)) nap=1
	while runs "$state/runner"; do
		read_clock
		[ "$now" -lt "$end" ] || {
			say "pending"
			done_line
			exit 0
		}
		take_nap
	done
	# The phase's own last line ends this answer too.
	cat -- "$state/output"
	exit 0
}

# The guard itself. It ends when the lease is given back.
guard_deploy() {
	trap '' HUP INT
	lease=$1 owner=$2
	start_of $$
	say "$$ $born" >"$state/guard"
	while [ -f "$state/lease" ]; do
		read -r renewed <"$state/lease" || renewed=''
		read_clock
		if [ -n "$renewed" ] && [ "$((now - renewed))" -gt "$lease" ]; then
			say "the lease has run out: undoing $id"
			verb=undo
			begin_phase
			# What was waited for may have been the client's own way back.
			[ -f "$state/lease" ] || break
			[ ! -e "$journal" ] || undo_deploy ''
			drop_stage
			drop_work
			drop_lock "$owner"
			break
		fi
		sleep 1
	done
	rm -f -- "$state/guard"
}

# What the phases of a deploy leave to each other.
drop_work() {
	set --
	for part in lease input output runner phase agent.new journal.new stop.output control.new survey reserve; do
		set -- "$@" "${state:?}/$part"
	done
	rm -rf -- "$@" "$state"/phase.* "$state"/agent-*
}

drop_guard() {
	stop_guard
	drop_work
	rm -f -- "$state/guard.log"
}
