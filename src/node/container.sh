# A release that is an image: its node is a container, which its start script has docker run. Docker says
# what becomes of it; a container that is restarted gets another process, so that this one tells them apart.
# shellcheck shell=sh disable=SC2154,SC2034

# As the start scripts name it, by an environment that PROFILE can set.
container=${CONTAINER_NAME:-$app}

# Whether what is in $1 is an image's: the deploy of one has said so. Where edeliver for bash has brought
# it, there is nothing but the script.
is_container() {
	first_line "$1/releases/start_erl.data"
	case $first in
	'container '*) return 0 ;;
	'') [ -f "$1/bin/$app" ] && sed '/^[[:space:]]*#/d' "$1/bin/$app" | grep -q 'docker run' ;;
	*) return 1 ;;
	esac
}

# Whether a container is to be looked for: the files are an image's, or were when the node was started.
may_be_container() { is_container "$root" || is_container "$state/control"; }

# $@: what docker is to do.
docker_does() { timeout "$call_time" docker "$@" </dev/null; }

# Sets $container_pid to the first process of the container that runs, or to nothing; $container_status to
# docker's word for how it is ("missing" where there is none), $container_tag to that of its image, and
# $container_run to what no other start has. Fails when docker does not answer.
find_container() {
	container_pid='' container_status=missing container_tag='' container_run='' looks=0
	while :; do
		listed=$(docker_does ps --all --quiet --filter "name=^/?$container\$") || return 1
		[ -n "$listed" ] || return 0
		# It may be removed this moment.
		! inspected=$(docker_does inspect --type container --format \
			'{{.State.Pid}} {{.State.Status}} {{.State.ExitCode}} {{.Id}}/{{.State.StartedAt}} {{.Config.Image}}' \
			"$container") || break
		looks=$((looks + 1))
		[ "$looks" -lt 3 ] || return 1
	done
	read -r container_pid container_status container_exit container_run container_tag <<-END
		$inspected
	END
	container_tag=${container_tag##*:}
	case $container_status in running | paused | restarting) ;; *) container_pid='' ;; esac
}

# Whether process $1 is that of the container.
is_contained() { may_be_container && find_container && [ "$container_pid" = "$1" ]; }

# Whether the container has ended since the start, before which it was as $container_before says, or has
# another process than $1, where that was seen. Sets $why.
container_ended() {
	[ "$kind" = container ] && find_container || return 1
	if [ -n "$container_pid" ]; then
		[ "$container_pid" != "${1:-$container_pid}" ] || return 1
		why="the container $container has ended, and docker started it again"
	else
		[ "$container_status" != missing ] && [ "$container_run" != "${container_before:-}" ] || return 1
		why="the container $container has ended with exit status $container_exit"
	fi
}

# Why nothing runs, as far as docker knows.
tell_missing() {
	[ "$kind" = container ] && find_container || return 0
	case $container_status in
	missing) say ": there is no container $container" ;;
	*) say ": the container $container has ended with exit status $container_exit" ;;
	esac
}

# One that runs although no node did is somebody else's.
refuse_other_container() {
	is_container "$root" || return 0
	find_container || fail "cannot tell whether a container $container runs"
	[ -z "$container_pid" ] ||
		fail "a container named $container runs already, which was not started from $root: stop it, or set CONTAINER_NAME"
}

# What is there before a start, in $1.
note_container() {
	container_run=''
	if is_container "$root"; then find_container || fail "cannot tell whether a container $container runs"; fi
	say "$container_run" >"$1" || fail "cannot write $1"
}

# Sets $container_before to what note_container has written.
recall_container() {
	first_line "$1"
	container_before=$first
}

# Removes the container that has ended, unless it was there before the start, as file $1 says.
remove_container() {
	is_container "$root" && find_container || return 0
	recall_container "$1"
	[ "$container_status" != missing ] && [ "$container_run" != "$container_before" ] || return 0
	docker_does rm "$container" >/dev/null || fail "cannot remove the container $container"
}

# Runs the release's own script in the container. A second node cannot listen where the first one does;
# rebar3's script wants to know where that is.
in_container() {
	case $kind in
	relx | extended) set -- "$container" "bin/$app" "$@" ;;
	*) set -- --env ERL_DIST_PORT=0 "$container" "bin/$app" "$@" ;;
	esac
	docker_does exec --workdir "/$app" "$@" 2>&1
}

# Sets $inside to the kind of the release in the container that find_container has found.
find_inside() {
	[ "${inside_of:-}" != "$container_run" ] || return 0
	its_script=$(docker_does exec --workdir "/$app" "$container" cat "bin/$app" 2>/dev/null) || return 1
	inside=$(say "$its_script" | kind_of -)
	inside=${inside:-extended} inside_of=$container_run
}

# As ask_node, of the release in the container: its $status and what is $missing. The version is the
# image's tag; what the release itself says is its $release. One that can be asked nothing else answers
# ping; one that is laid out otherwise is known to the start script of its image only.
ask_container() {
	version='' status='' missing='' release='' answered=''
	find_container && [ -n "$container_pid" ] || return 1
	if find_inside; then
		kind=$inside asked_inside=yes
		! ask_node || release=$version answered=yes
	fi
	if [ -z "$answered" ] && call ping >/dev/null; then
		# It may have come up just now, between the two.
		if [ -n "${asked_inside:-}" ] && ask_node; then release=$version; else status=started; fi
		answered=yes
	fi
	kind=container asked_inside='' version=$container_tag
	[ -n "$answered" ]
}

# The last lines of its output since it was started.
container_log() {
	docker_does logs --tail 40 "$container" 2>&1 | tr -d '\r' | while IFS= read -r line; do say "log $line"; done
}
