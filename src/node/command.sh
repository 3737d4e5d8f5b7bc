# One node command. Prints "response TEXT" lines; what is printed was seen on the host.
# shellcheck shell=sh disable=SC2154

# $1: an argument for the start script, or the direction of a migration. $2: the version to migrate to.
node_command() {
	[ -d "$root" ] || fail "not deployed: there is no $root"
	[ -x "$root/bin/$app" ] || fail "not deployed: there is no $root/bin/$app that can be run"
	case $verb in
	start | stop | restart | migrate)
		[ ! -e "$journal" ] || fail "a deploy is under way or was left unfinished on this host: $journal"
		(umask 077 && mkdir -p -- "$state") || fail "cannot make $state"
		;;
	esac
	find_kind "$root/bin/$app"
	find_pid
	case $verb in
	ping)
		require_answer
		say "response pong"
		;;
	version)
		require_answer
		say "response $version${release:+ (release $release)}"
		;;
	start)
		[ -z "$pid" ] || fail "already running (process $pid)"
		bring_up "$1"
		;;
	stop)
		[ -n "$pid" ] || fail "not running$(tell_missing)"
		take_down
		stays_down
		say "response ok"
		;;
	restart)
		[ -z "$pid" ] || take_down
		bring_up "$1"
		;;
	migrate) migrate "$1" "$2" ;;
	migrations) show_pending ;;
	esac
}

# Not running, hanging and refusing us are told apart by looking at the process.
require_answer() {
	[ -n "$pid" ] || fail "not running$(tell_missing)"
	case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) in
	T | t) fail "not responding: it runs as process $pid, which was halted by a signal; 'kill -CONT $pid' lets it go on" ;;
	esac
	asked=$(date +%s)
	! ask_node || return 0
	waited=$(($(date +%s) - asked))
	[ "${container_status:-}" != paused ] ||
		fail "not responding: the container $container is paused; 'docker unpause $container' lets it go on"
	# The VM gives up a connection that nobody answers after 7 s.
	[ "$waited" -lt 7 ] || fail "not responding: it runs as process $pid, but did not answer within $waited s: it hangs or is overloaded"
	say "$answer" | grep -v '^$' | tail -n 3
	[ "$kind" != container ] ||
		fail "not responding: the container $container is $container_status with $version, but the release in it does not answer"
	fail "wrong cookie: it runs as process $pid, but refuses the cookie of $root (or has another name, or is not that far yet); 'restart' replaces it"
}

take_down() {
	drain_host || fail "$why"
	find_pids
	for old in $pids; do
		stop_node "$old" || fail "it does not stop (process $old)"
	done
}

# A service manager starts again what it was not told to stop.
stays_down() {
	[ -n "$start_command$stop_command$status_command" ] || return 0
	sleep "$stable_for"
	find_pid
	[ -z "$pid" ] || fail "it was stopped, but has been started again (process $pid): STOP_COMMAND must tell the service manager"
}

bring_up() {
	files=$(version_in "$root") logs=$(node_logs)
	find_start
	if [ -n "$1" ]; then output=$(start_node "$1"); else output=$(start_node); fi || {
		ended=$?
		retell "$output"
		fail "$start_line ended with exit status $ended"
	}
	verify_node "$files" '' "${EDELIVER_HEALTH_CHECK:-}" || {
		retell "$output"
		node_log "$logs"
		fail "it did not come up: $why"
	}
	undrain_host || fail "it is up, but $why"
	keep_control "$pid" "$version" || fail "cannot write below $state"
	say "response ok"
}

# Where the node itself migrates, it must answer.
prepare_migrations() {
	find_migrator
	[ "$through" = eval ] || require_answer
}

migrate() {
	prepare_migrations
	run_migrations "$1" "$2" >"$state/migrated" 2>&1
	ended=$?
	told=$(cat -- "$state/migrated")
	rm -f -- "$state/migrated"
	[ "$ended" -eq 0 ] || {
		say "$told"
		fail "migrating $1 failed"
	}
	ran=$(say "$told" | sed -n 's/^migrated //p')
	if [ -n "$ran" ]; then say "$ran" | sed 's/^/response /'; else say "response nothing to migrate"; fi
}

show_pending() {
	prepare_migrations
	pending=$(pending_migrations) || {
		say "$pending"
		fail "cannot tell which migrations are pending"
	}
	if [ -n "$pending" ]; then
		say "$pending" | sed 's/^\([0-9]*\) \(.*\)/response pending: \2 (\1)/'
	else
		say "response none pending"
	fi
}

node_command "$@"
done_line
