# One node command: ping, version, start, stop, restart. Prints "response TEXT"; what is printed was
# seen on the host.
# shellcheck shell=sh disable=SC2154

# $1: an argument for the start script, or nothing.
node_command() {
	[ -d "$root" ] || fail "not deployed: there is no $root"
	[ -x "$root/bin/$app" ] || fail "not deployed: there is no $root/bin/$app that can be run"
	case $verb in
	start | stop | restart)
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
		say "response $version"
		;;
	start)
		[ -z "$pid" ] || fail "already running (process $pid)"
		bring_up "$1"
		;;
	stop)
		[ -n "$pid" ] || fail "not running"
		take_down
		say "response ok"
		;;
	restart)
		[ -z "$pid" ] || take_down
		bring_up "$1"
		;;
	esac
}

# Not running and running without an answer are told apart by looking for the process.
require_answer() {
	[ -n "$pid" ] || fail "not running"
	ask_node || fail "not responding: it runs as process $pid but does not answer (another cookie or name, or it hangs)"
}

take_down() {
	for old in $(node_pids); do
		stop_node "$old" || fail "it does not stop (process $old)"
	done
}

bring_up() {
	files=$(version_in "$root") logs=$(node_logs)
	find_start
	if [ -n "$1" ]; then output=$(start_node "$1"); else output=$(start_node); fi || {
		ended=$?
		say "$output"
		fail "cd $root && bin/$app $start ended with exit status $ended"
	}
	verify_node "$files" '' || {
		say "$output"
		node_log "$logs"
		fail "it did not come up: $why"
	}
	keep_control "$pid" "$version" || fail "cannot write below $state"
	say "response ok"
}

node_command "$1"
done_line
