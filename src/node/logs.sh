# The logs of a node, as they are. What is ours stands behind the nonce.
# shellcheck shell=sh disable=SC2154

refuse() {
	say "$nonce $*"
	exit 1
}

# $1: how many lines of the newest log to begin with; $2: "follow" to go on.
show_logs() {
	[ -d "$root" ] || refuse "not deployed: there is no $root"
	if is_container "$root"; then
		find_container || refuse "docker does not answer"
		[ "$container_status" != missing ] || refuse "there is no container $container"
		exec docker logs --tail "$1" ${2:+--follow} "$container"
	fi
	logs=$(node_logs)
	[ -n "$logs" ] || refuse "there are no logs in $root (${EDELIVER_NODE_LOGS:-tmp/log/erlang.log.*, log/*.log, log/erlang.log.*, var/log/erlang.log.*}): a node that is not started by its start script writes none of its own; NODE_LOGS names other files"
	newest=${logs%%"
"*}
	# Up to here it is shown once, from here on it is followed.
	head -c "${newest%% *}" -- "${newest#* }" | tail -n "$1"
	[ "$2" = follow ] || return 0
	say "$logs" | {
		while IFS= read -r log; do
			tail -c "+$((${log%% *} + 1))" -F -- "${log#* }" 2>/dev/null &
		done
		wait
	}
}

show_logs "$@"
