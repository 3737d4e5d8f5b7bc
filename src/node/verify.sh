# Whether the node of the release in $root came up as it should, and what it says on the way.
# shellcheck shell=sh disable=SC2154,SC2034

# The release in $root runs as a process other than $2, answers with version $1 (any when that is
# "unknown") and all of its applications, is healthy by the user's own measure $3, and is still there
# after $stable_for seconds. Sets $pid.
# Else $why says why not.
verify_node() {
	read_clock
	end=$((now + start_timeout)) nap=1 seen='' awaited='' monitored=''
	find_kind "$root/bin/$app"
	while :; do
		pids=$(node_pids) || { why="cannot tell whether the node runs"; return 1; }
		pid=${pids%%[!0-9]*}
		if container_ended "$seen"; then
			return 1
		elif [ -n "$pid" ] && [ "$pid" != "$2" ]; then
			seen=$pid
			if ask_node; then
				is_version "$1" || { why="the node answers with version $version"; return 1; }
				show_progress
				[ "$status" != started ] || [ -n "$missing" ] || ! runs_by_status || break
				monitor_startup
			fi
		elif [ -n "$seen" ]; then
			why="the node's process $seen has ended"
			return 1
		fi
		read_clock
		[ "$now" -lt "$end" ] || { tell_why_not; return 1; }
		take_nap
	done
	[ "$pids" = "$pid" ] || { why="several processes of the node run: $(say "$pids" | tr '\n' ' ')"; return 1; }
	check_health "${3:-}" || return 1
	# It has answered just now.
	[ "$stable_for${3:-}" != 0 ] || return 0
	sleep "$stable_for"
	ask_again && is_version "$1" && [ "$status" = started ] && [ -z "$missing" ] && runs_by_status && return 0
	[ -z "$missing" ] || { tell_why_not; return 1; }
	! container_ended "$seen" || return 1
	why="the node did not stay up for $stable_for s"
	return 1
}

# A node that has answered may miss a question where the host is busy: it is asked again while it is there.
ask_again() {
	read_clock
	end=$((now + start_timeout))
	for _ in 1 2 3; do
		is_alive "$pid" || return 1
		! ask_node || return 0
		read_clock
		[ "$now" -lt "$end" ] || return 1
		sleep 0.5
	done
	return 1
}

# Says which applications have started since the last look.
show_progress() {
	for application in $(say "$awaited" | tr ',' ' '); do
		case ",$missing," in
		*",$application,"*) ;;
		*) say "progress Started application '$application'." ;;
		esac
	done
	awaited=$missing
}

# Has edeliver's own module wait in the node until it has started, which it does last; what it says on
# the way is shown. Whether all has started is seen by asking again.
monitor_startup() {
	[ -z "$monitored" ] && has_module || return 0
	monitored=yes awaited=''
	read_clock
	call_time=$((end - now + 1))
	call rpc "Elixir.Edeliver.run_command([:monitor_startup_progress, \"$app\", :verbose])" |
		sed -n 's/^Started/progress &/p'
	call_time=30
}

# Tries $1, a URL or a command of the user's, until it succeeds or the time for the start is over.
check_health() {
	[ -n "$1" ] || return 0
	until told=$(try_health "$1"); do
		read_clock
		if [ "$now" -ge "$end" ]; then
			retell "$told" | tail -n 5
			why="HEALTH_CHECK did not succeed within $start_timeout s: $1"
			return 1
		fi
		sleep 0.5
	done
}

# The URL travels on standard input: it may hold what is nobody's business in a list of processes.
try_health() {
	case $1 in
	http://* | https://*)
		if command -v curl >/dev/null 2>&1; then
			say "url = \"$(say "$1" | sed 's/[\\"]/\\&/g')\"" | timeout "$call_time" curl -fsS -o /dev/null -K - 2>&1
		else
			say "$1" | timeout "$call_time" wget -O /dev/null -i - 2>&1
		fi
		;;
	*)
		run_own "$call_time" "$1"
		;;
	esac
}

is_version() { [ "$1" = unknown ] || [ "$version" = "$1" ]; }

tell_why_not() {
	if [ -z "$seen" ]; then
		why="no process of the node appeared within $start_timeout s"
	elif [ -n "$missing" ]; then
		why="not all applications are started: $missing"
	elif [ -n "$version" ] && [ "$status" = started ]; then
		why="the node answers, but STATUS_COMMAND does not succeed: $status_command"
	else
		why="the node runs as process $seen but does not answer (within $start_timeout s)"
	fi
}
