#!/bin/sh
# Controls the container of a release. Put there by edeliver; an image can bring a script of its own.
#
#   start, daemon            starts it in the background
#   console, foreground ...  starts it in this terminal
#   stop                     stops the release, and the container with it
#   exec                     a shell in the container that runs
#   anything else            goes to the release's own script, in the container that runs
#
# Environment: TAG, CONTAINER_NAME, HOST_NAME, ERL_DIST_PORT, INTERNAL_INTERFACE, ERLANG_COOKIE_FILE, DOCKER_OPTS.
set -eu

app='{{edeliver-app}}'
image='{{edeliver-docker-image}}'
tool='{{edeliver-release-command}}'
tag=${TAG:-'{{edeliver-version}}'}
options=${DOCKER_OPTS:-"{{edeliver-docker-opts}}"}

name=${CONTAINER_NAME:-$app}
host=${HOST_NAME:-$(hostname -f)}
port=${ERL_DIST_PORT:-4321}
interface=${INTERNAL_INTERFACE:-127.0.0.1}
cookie=${ERLANG_COOKIE_FILE:-$HOME/.erlang.cookie}
flags=${ERL_ZFLAGS:-"-start_epmd false -epmd_module ${EPMD_MODULE:-edeliver_epmd} ${ADDITIONAL_ERL_ZFLAGS:-}"}
# The home of root in the container, not of this host: what is mounted needs an absolute path.
cookie_in_container=/root/.erlang.cookie
if [ "$tool" = mix ]; then
  cookie_in_container=/$app/releases/COOKIE
fi
cookie_in_container=${ERLANG_COOKIE_TARGET:-$cookie_in_container}

terminal=''
if [ -t 0 ]; then
  terminal='--interactive --tty'
fi

make_cookie() {
  [ ! -f "$cookie" ] || return 0
  echo "No cookie in $cookie: a new one is made" >&2
  (umask 377 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$cookie")
}

remove_old() {
  old=$(docker ps --all --quiet --filter "name=^/?$name\$")
  [ -n "$old" ] || return 0
  # Without force: one that runs is not touched.
  docker rm "$old" >/dev/null || {
    echo "The container $name runs already" >&2
    exit 1
  }
}

# $1: how docker runs it; the others: what runs in it
run() {
  how=$1
  shift
  make_cookie
  remove_old
  # shellcheck disable=SC2086 # options are words
  exec docker run $how $options \
    --name "$name" --hostname "$host" --workdir "/$app" \
    --publish "$interface:$port:$port" \
    --env INET_DIST_USE_INTERFACE='{0,0,0,0}' --env "ERL_DIST_PORT=$port" --env "DEFAULT_DIST_PORT=$port" \
    --env "HOST_NAME=$host" --env "REPLACE_OS_VARS=${REPLACE_OS_VARS:-true}" \
    --env "RELEASE_DISTRIBUTION=${RELEASE_DISTRIBUTION:-name}" --env "RELEASE_NODE=${RELEASE_NODE:-$app@$host}" \
    --env "ERL_ZFLAGS=$flags" \
    --mount "type=bind,source=$cookie,target=$cookie_in_container" \
    "$image:$tag" "bin/$app" "$@"
}

in_container() {
  # A second node cannot listen where the first one does; rebar3's script wants to know where that is.
  listen=0
  if [ "$tool" = rebar3 ]; then
    listen=$port
  fi
  # shellcheck disable=SC2086 # options are words
  exec docker exec $terminal --env "ERL_DIST_PORT=$listen" --workdir "/$app" "$name" "$@"
}

command=${1:-}
case $command in
'')
  echo "usage: $0 start|console|stop|ping|remote_console|..." >&2
  exit 2
  ;;
start | daemon)
  shift
  if [ "$tool" = mix ]; then
    run '--detach --tty' start "$@"
  else
    run '--detach --tty' console "$@"
  fi
  ;;
console | foreground | start_iex | daemon_iex) run "$terminal" "$@" ;;
exec) in_container sh ;;
*) in_container "bin/$app" "$@" ;;
esac
