# The node of the release in $root: is it there, which version answers, start, stop, verify.
# shellcheck shell=sh disable=SC2154,SC2034

# How long one call of the control script may take, in seconds. A node that hangs must not hang us.
call_time=30
# Where a service manager owns the node: the user's own commands.
start_command=${EDELIVER_START_COMMAND:-}
stop_command=${EDELIVER_STOP_COMMAND:-}
status_command=${EDELIVER_STATUS_COMMAND:-}
# What takes the host out of the balancing and puts it back.
drain_command=${EDELIVER_DRAIN_COMMAND:-}
undrain_command=${EDELIVER_UNDRAIN_COMMAND:-}

# In a subshell: in the release's directory, with the environment of the user's own programs. What they leave
# running does not hold up who waits for the end of the phase.
enter_release() {
	cd -- "$root" || exit 1
	exec 9>&-
	LC_ALL=$EDELIVER_LOCALE
	[ -n "$LC_ALL" ] || unset LC_ALL
	unset EDELIVER_LOCALE EDELIVER_START_COMMAND EDELIVER_STOP_COMMAND EDELIVER_STATUS_COMMAND \
		EDELIVER_DRAIN_COMMAND EDELIVER_UNDRAIN_COMMAND EDELIVER_HEALTH_CHECK
}

# Runs the user's command $2 on the host, for at most $1 seconds.
run_own() {
	(
		enter_release
		exec timeout "$1" sh -c "$2" </dev/null 2>&1
	)
}

# The node is going to stop: nobody is to be sent to it any more. Sets $why when that fails.
drain_host() {
	[ -n "$drain_command$undrain_command" ] && [ ! -e "$state/drained" ] || return 0
	# Written before it is done: what may have been done is undone.
	(umask 077 && : >"$state/drained") || { why="cannot write $state/drained"; return 1; }
	settle "$state/drained"
	[ -n "$drain_command" ] || return 0
	told=$(run_own "$start_timeout" "$drain_command") || { tell_ended $? "DRAIN_COMMAND ($drain_command)"; return 1; }
}

# It runs and is healthy.
undrain_host() {
	[ -e "$state/drained" ] || return 0
	if [ -n "$undrain_command" ]; then
		told=$(run_own "$start_timeout" "$undrain_command") ||
			{ tell_ended $? "UNDRAIN_COMMAND ($undrain_command)"; return 1; }
	fi
	rm -f -- "$state/drained"
}

tell_ended() {
	retell "$told" | tail -n 5
	why="$2 ended with exit status $1"
}

# Sets $kind by what the start script does: mix (built into Elixir), relx (4 and later), distillery
# (2 runs NAME_rc_exec.sh, 1 runs releases/VERSION/NAME.sh), container (an image is what is deployed), or
# extended (relx 3, rebar 2 and everything that is controlled like them). A script is looked at once, until
# $kind_script is taken away.
find_kind() {
	[ "${kind_script:-}" != "$1" ] || return 0
	if is_container "${1%/bin/*}"; then kind=container; else kind=$(kind_of "$1"); fi
	kind=${kind:-extended} kind_script=$1
}

# Comments are passed over: they may name any tool.
kind_of() {
	sed -n -e '/^[[:space:]]*#/d' -e '/--rpc-eval/{s/.*/mix/p;q;}' -e '/daemon_boot/{s/.*/relx/p;q;}' \
		-e '/_rc_exec\.sh/{s/.*/distillery/p;q;}' -e '/RELEASES_DIR\/.REL_VSN\//{s/.*/distillery/p;q;}' \
		"$1" 2>/dev/null
}

# Whether the release that boots has edeliver's own module, which is called as Elixir. What lies in lib/ may be
# of an earlier one.
has_module() {
	case $kind in mix | distillery) ;; *) return 1 ;; esac
	for part in "$root/lib"/edeliver-*; do
		[ -d "$part" ] || continue
		set -- "$root/releases/$(version_in "$root")"/*.rel
		[ ! -f "$1" ] || grep -q '{edeliver,' "$@"
		return
	done
	return 1
}

# The version that the release in $1 boots next, where its files say so.
version_in() {
	booted=''
	[ ! -f "$1/releases/start_erl.data" ] || read -r _ booted <"$1/releases/start_erl.data" || :
	say "${booted:-unknown}"
}

# What the files say boots next may have changed. Distillery boots by a copy that it makes of them, and makes
# it anew only when they are younger; but what comes from an archive, or back, is as old as it was.
forget_boot_copy() { rm -f -- "${RELEASE_MUTABLE_DIR:-$root/var}/start_erl.data"; }

# Prints the process ids of the node. The operating system is asked, not the node: a node that hangs
# or has another cookie is found too. VMs that only carry a call to a node (start_clean, escripts) do not count,
# and neither do children of the node, which look like it until they run their own program.
# Fails when that cannot be told: a node that is overlooked would be left running, or be ended later.
node_pids() {
	if may_be_container; then
		find_container || return 1
		[ -z "$container_pid" ] || say "$container_pid"
	fi
	if [ -r /proc/self/cmdline ]; then
		found=$(vm_processes) || return 1
		for each in $found; do
			{ read -r parent <"/proc/$each/stat"; } 2>/dev/null || continue
			parent=${parent##*) } parent=${parent#* }
			case "
$found
" in *"
${parent%% *}
"*) ;; *) say "$each" ;; esac
		done
	elif pid=$(call pid); then
		say "$pid" | grep -x '[0-9][0-9]*'
	fi
}

# Prints the process ids of the VMs of this release.
vm_processes() {
	set --
	for each in /proc/[0-9]*; do
		{ read -r comm <"$each/comm"; } 2>/dev/null || continue
		case $comm in beam*) set -- "$@" "$each/cmdline" ;; esac
	done
	find_files -l "$root/" "$@" || return 1
	# shellcheck disable=SC2086 # they are words
	find_files -L "start_clean${newline}no_dot_erlang${newline}--rpc-eval" $found || return 1
	for each in $found; do
		each=${each#/proc/}
		say "${each%/cmdline}"
	done
}

# Sets $found to those of the command lines $3.. that have one of the words $2 (with $1 -l) or none (-L). A
# process that ends meanwhile makes grep fail, as an error does: then the others are looked at once more.
find_files() {
	how=$1 words=$2 found=''
	shift 2
	while [ $# -gt 0 ]; do
		found=$(grep "$how" -sF -e "$words" -- "$@")
		[ "$?" -ge 2 ] || return 0
		found='' looked_at=$#
		for each; do
			shift
			[ ! -e "$each" ] || set -- "$@" "$each"
		done
		[ $# -lt "$looked_at" ] || return 1
	done
}

# Sets $pids to the node's processes.
find_pids() { pids=$(node_pids) || fail "cannot tell whether the node runs"; }

# Sets $pid to the node's process, or to nothing.
find_pid() {
	find_pids
	pid=${pids%%[!0-9]*}
}

# A process that has ended and waits for its parent counts as gone.
is_alive() {
	! is_contained "$1" || return 0
	# A container that docker is about to start again has no process: its number would name us.
	[ "$1" != 0 ] || return 1
	# One of another user cannot be sent a signal, but be seen.
	[ -n "$1" ] && { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; } || return 1
	{ read -r its_state <"/proc/$1/stat"; } 2>/dev/null || return 0 # no such files here
	case ${its_state##*) } in Z*) return 1 ;; esac
}

# Sets what makes the running node $pid listen: $script, with the name and cookie that it was started
# with when we have kept them, else $cookie as it stands on its command line. Looked for once, until
# $control_of is taken away.
find_control() {
	[ "${control_of:-}" != "$root ${pid:-}" ] || return 0
	script=$root/bin/$app cookie='' control_of="$root ${pid:-}"
	if [ -n "${pid:-}" ]; then
		first_line "$state/control/pid"
		if [ "$first" = "$pid" ]; then
			script=$state/control/bin/$app
		elif [ -r "/proc/$pid/cmdline" ]; then
			cookie=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n '/^-setcookie$/{n;p;q;}')
		fi
	fi
}

# Runs the control script of the running node; of a node in a container, the one that is in there.
call() {
	if [ -n "${asked_inside:-}" ]; then
		in_container "$@"
		return
	fi
	find_control
	(
		enter_release
		if [ -n "$cookie" ]; then export RELEASE_COOKIE="$cookie" RELX_COOKIE="$cookie"; fi
		exec timeout "$call_time" "$script" "$@" </dev/null 2>&1
	)
}

# Keeps what controls the running node: a deploy may put another script, name and cookie in its place.
# Start scripts look for their release around themselves, so they are copied; code is linked.
keep_control() {
	first_line "$state/control/pid"
	[ "$first" != "$1" ] || return 0
	controlled=$1 running=$2
	# A node that does not answer most likely runs what the files say.
	[ "$running" != unknown ] || read -r _ running <"$root/releases/start_erl.data" || :
	rm -rf -- "$state/control" "$state/control.new"
	(
		umask 077
		of_all=$state/control.new/releases
		mkdir -p -- "$of_all" && cp -RP -- "$root/bin" "$state/control.new/bin" || exit 1
		set --
		for part in start_erl.data COOKIE RELEASES; do
			! exists "$root/releases/$part" || set -- "$@" "$root/releases/$part"
		done
		[ $# -eq 0 ] || cp -P -- "$@" "$of_all/" || exit 1
		if [ -n "$running" ] && [ -d "$root/releases/$running" ]; then
			mkdir -- "$of_all/$running" || exit 1
			set --
			for file in "$root/releases/$running"/*; do
				case $file in *.tar.gz) ;; *) ! exists "$file" || set -- "$@" "$file" ;; esac
			done
			[ $# -eq 0 ] || cp -RP -- "$@" "$of_all/$running/" || exit 1
		fi
		set --
		for part in "$root"/lib "$root"/erts-*; do [ ! -d "$part" ] || set -- "$@" "$part"; done
		[ $# -eq 0 ] || ln -s -- "$@" "$state/control.new/" || exit 1
		[ -z "${without_eval:-}" ] || : >"$state/control.new/without_eval"
		printf '%s\n' "$controlled" >"$state/control.new/pid"
	) || return 1
	mv -- "$state/control.new" "$state/control" && control_of=''
}

# A directory of code has moved from $root/$1 to $2 or back: the control script's link follows it.
move_control() {
	# Below lib/ it would be the release itself that is seen through that link.
	case $1 in */*) return 0 ;; esac
	[ ! -L "$state/control/$1" ] || ln -sfn -- "$2" "$state/control/$1"
}

# What the node is asked, once in Elixir and once in Erlang: the version that it runs, how far it is,
# and which of the release's applications are not started. That is the version which it booted, unless
# its release handler knows that one and has taken the node to another without a restart.
elixir_question() {
	cat <<-'END'
		{_, booted} = :init.script_id()
		listed = fn status -> try do for {_, v, _, _} <- :release_handler.which_releases(status), do: v catch _, _ -> [] end end
		known = Enum.any?([:permanent, :old, :current, :unpacked], &(booted in listed.(&1)))
		v = if known, do: hd(listed.(:current) ++ listed.(:permanent) ++ [booted]), else: booted
		{s, _} = :init.get_status()
		up = for {a, _, _} <- :application.which_applications(), do: a
		root = System.get_env("RELEASE_ROOT") || System.get_env("RELEASE_ROOT_DIR") || to_string(:code.root_dir())
		rels = Path.wildcard(Path.join([root, "releases", to_string(v), "*.rel"]))
		down = for f <- rels, {:ok, [{:release, _, _, l}]} <- [:file.consult(f)], t <- l,
		  elem(t, 0) not in up, tuple_size(t) < 3 or elem(t, 2) not in [:none, :load], do: elem(t, 0)
		IO.puts("edeliver #{v} #{s} [#{Enum.join(Enum.uniq(down), ",")}]")
	END
}

erlang_question() {
	cat <<-'END'
		{_, Booted} = init:script_id(), {S, _} = init:get_status(),
		Listed = case catch release_handler:which_releases() of {'EXIT', _} -> []; L0 -> [{St, Vn} || {_, Vn, _, St} <- L0] end,
		V = case lists:keymember(Booted, 2, Listed) of
		  true -> hd([Vn || {current, Vn} <- Listed] ++ [Vn || {permanent, Vn} <- Listed] ++ [Booted]);
		  false -> Booted
		end,
		Up = [A || {A, _, _} <- application:which_applications()],
		Rels = filelib:wildcard(filename:join([code:root_dir(), "releases", V, "*.rel"])),
		Down = [element(1, T) || F <- Rels, {ok, [{release, _, _, L}]} <- [file:consult(F)], T <- L,
		  not lists:member(element(1, T), Up),
		  tuple_size(T) < 3 orelse not lists:member(element(3, T), [none, load])],
		lists:flatten(io_lib:format("edeliver ~s ~s ~w", [V, S, lists:usort(Down)])).
	END
}

# As an argument. Some scripts take off the last full stop and put it back, so that nothing may follow it.
on_one_line() { tr '\n\t' '  ' | sed 's/ *$//'; }

# Sets $version, $status and $missing from the node's own answer; fails when it does not answer.
ask_node() {
	if [ "$kind" = container ]; then
		ask_container
		return
	fi
	# Else each of the calls, which are subshells, would find it out for itself.
	find_control
	[ "$script" = "$root/bin/$app" ] || [ ! -e "$state/control/without_eval" ] || without_eval=$script
	if [ "${without_eval:-}" != "$script" ]; then
		question && return 0
		[ "$kind" = extended ] || return 1
		case $answer in
		# One that does not listen is not asked in two ways.
		*'not responding'* | *'not running'*) return 1 ;;
		# It has told what it knows in place of eval.
		*[Uu]'sage: '*) without_eval=$script ;;
		esac
	fi
	# A script without eval: what nodetool's rpc prints, {"app","1.0.0"}.
	plain=$(call rpc init script_id '[]' | sed -n 's/^{"[^"]*", *"\([^"]*\)"}.*/\1/p')
	plain=${plain##*"$newline"}
	[ -n "$plain" ] || return 1
	# Or the node has come up just now, between the two.
	if [ "${without_eval:-}" != "$script" ]; then
		question && return 0
		without_eval=$script
	fi
	version=$plain status=started missing=''
}

question() {
	version='' status='' missing=''
	case $kind in
	mix | distillery)
		elixir=${elixir:-$(elixir_question)}
		answer=$(call rpc "$elixir")
		;;
	*)
		erlang=${erlang:-$(erlang_question | on_one_line)}
		answer=$(call eval "$erlang")
		;;
	esac
	case $answer in *'edeliver '*) ;; *) return 1 ;; esac
	answer=$(say "$answer" | sed -n 's/.*edeliver \([^ ]*\) \([a-z]*\) \[\([^]]*\)\].*/\1 \2 \3/p')
	[ -n "$answer" ] || return 1
	read -r version status missing <<-END
		${answer##*"$newline"}
	END
}

# Prints "node running PID VERSION" or "node stopped".
node_facts() {
	find_pid
	if [ -z "$pid" ]; then
		say "node stopped"
	elif is_contained "$pid"; then
		# It need not answer for that.
		say "node running $pid ${container_tag:-unknown}"
	elif find_kind "$root/bin/$app" && ask_node; then
		say "node running $pid $version"
	else
		say "node running $pid unknown"
	fi
}

# Sets $kind, $start to the word that starts a node in the background, and $start_line to the command
# that does it.
find_start() {
	find_kind "$root/bin/$app"
	case $kind in mix | relx) start=daemon ;; *) start=start ;; esac
	start_line="cd $root && ${start_command:-bin/$app $start}"
}

# Starts the release in $root with the start script's arguments in "$@". Fails with the script's words.
# shellcheck disable=SC2120
start_node() {
	[ -x "$root/bin/$app" ] || { say "there is no $root/bin/$app that can be run"; return 1; }
	find_start
	if [ "$kind" = container ]; then
		find_container || { say "docker does not answer"; return 1; }
		container_before=$container_run
	fi
	if [ -n "$start_command" ]; then
		run_own "$start_timeout" "$start_command"
		return
	fi
	(
		enter_release
		exec timeout "$start_timeout" "bin/$app" "$start" "$@" </dev/null 2>&1
	)
}

# Stops the process $1: by the user's command or its own control script, else by SIGTERM, on which a
# node stops in good order too. Fails when it is still there after the time for a start, unless $2 is "kill".
stop_node() {
	pid=$1 contained=''
	if may_be_container && find_container && [ -n "$container_pid" ]; then
		# Docker may have started it again since it was looked for.
		if [ "$container_pid" = "$pid" ] || ! is_alive "$pid"; then pid=$container_pid contained=yes; fi
	fi
	[ -n "$contained" ] || is_alive "$pid" || return 0
	call_time=$start_timeout
	if [ -n "$stop_command" ]; then run_own "$start_timeout" "$stop_command"; else call stop; fi \
		>"$state/stop.output" 2>&1 || tail -n 3 -- "$state/stop.output"
	rm -f -- "$state/stop.output"
	call_time=30
	if wait_gone "$pid" "$((start_timeout / 2 + 1))"; then
		[ "${2:-}" = kill ] || wait_down
		return
	fi
	say "process $pid does not stop when asked by ${stop_command:-bin/$app}: sending SIGTERM"
	send_signal TERM "$pid"
	if wait_gone "$pid" "$((start_timeout / 2 + 1))"; then
		[ "${2:-}" = kill ] || wait_down
		return
	fi
	[ "${2:-}" = kill ] || return 1
	send_signal KILL "$pid"
	wait_gone "$pid" 5
}

send_signal() {
	if [ -n "$contained" ]; then
		# It does not start it again then, whatever its restart policy is.
		docker_does kill --signal "$1" "$container" >/dev/null
	else
		kill -s "$1" "$2" 2>/dev/null
	fi
}

# The process is gone; the service manager must know it as well.
wait_down() {
	[ -n "$status_command" ] || return 0
	read_clock
	end=$((now + start_timeout))
	while runs_by_status; do
		read_clock
		[ "$now" -lt "$end" ] || {
			say "process $pid is gone, but STATUS_COMMAND still succeeds: $status_command"
			return 1
		}
		sleep 0.2
	done
}

# Whether the node runs by the word of the service manager, where there is one.
runs_by_status() { [ -z "$status_command" ] || run_own "$call_time" "$status_command" >/dev/null; }

# A container is gone when docker has not started it again.
wait_gone() {
	read_clock
	end=$((now + $2)) nap=1
	while is_alive "$1" || { [ -n "${contained:-}" ] && find_container && [ -n "$container_pid" ]; }; do
		read_clock
		[ "$now" -lt "$end" ] || return 1
		take_nap
	done
}

# Prints "SIZE FILE" for each log of the node, the newest first.
node_logs() (
	cd -- "$root" || return 0
	# Patterns of the user's, relative to the release.
	# shellcheck disable=SC2086
	set -- ${EDELIVER_NODE_LOGS:-tmp/log/erlang.log.* log/*.log log/erlang.log.* var/log/erlang.log.*}
	for file in "$@"; do
		shift
		case $file in /*) ;; *) file=$root/$file ;; esac
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	[ $# -gt 0 ] || return 0
	# shellcheck disable=SC2012 # ls sorts by time, and these names are plain
	ls -1t -- "$@" | while IFS= read -r file; do say "$(wc -c <"$file" | tr -d ' ') $file"; done
)

# The last lines that came to the node's newest log since $1, the output of an earlier node_logs.
node_log() {
	if is_container "$root"; then
		container_log
		return
	fi
	newest=$(node_logs | head -n 1)
	newest=${newest#* }
	[ -n "$newest" ] || return 0
	say "log_file $newest"
	before=$(say "$1" | grep -F -e " $newest" | head -n 1)
	tail -c "+$((${before:+${before%% *}} + 1))" -- "$newest" | tail -n 40 | while IFS= read -r line; do say "log $line"; done
}
