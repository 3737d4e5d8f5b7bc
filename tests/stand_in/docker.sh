#!/bin/sh
# Stands in for docker's CLI where no engine runs: containers are processes of this machine, and images,
# mounts and registries are directories beside this script. Copy it to a directory of its own as `docker`.
#
#   calls      each call, a line
#   fail       makes the calls fail that begin with its text: `push acme/app`
#   fail-at    makes the call of this number fail
#   images/    what is here; the name with `_` for `/` and `:`
#   pushed/    what was pushed
#   files/     copied into every container that is made: what its image has
#   home/      copied into the home of every release that is run: how it behaves
#   restart    while it is there, a release that has ended is started again, as by a restart policy
set -eu

state=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

fail() {
    echo "Error response from daemon: $1" >&2
    exit 1
}

place() {
    printf '%s/%s' "$state/$1" "$(printf %s "$2" | tr '/:' '__')"
}

container() {
    container=$state/containers/$1
    [ -d "$container" ] || fail "No such container: $1"
}

image() {
    image=$(place images "$1")
    [ -d "$image" ] || fail "No such image: $1"
}

new_container() {
    container=$state/containers/$1
    [ ! -e "$container" ] || fail "The container name $1 is already in use"
    mkdir -p "$container/rootfs" "$container/home"
    if [ -d "$state/files" ]; then
        cp -R "$state/files/." "$container/rootfs"
    fi
}

# The process of the release in $container, in a session of its own: its first one is what docker knows, and
# docker writes down how it ends. The stand-in of a release goes into the background at `start`, which those
# that stand in for it in a container do not.
run_release() {
    cp -R "$image/rootfs/." "$container/rootfs"
    mkdir -p "$container/home" "$container/rootfs${workdir:-/}"
    [ ! -d "$state/home" ] || cp -R "$state/home/." "$container/home"
    date +%s%N >"$container/id"
    # shellcheck disable=SC2016 # for the shell that is started
    setsid sh -c '
        while read -r variable; do export "${variable?}"; done <"$1/env"
        export HOME="$1/home"
        cd "$1/rootfs$2" || exit 1
        until
            "$3" foreground >>"$1/log" 2>&1 3>&- &
            date +%s%N >"$1/started"
            echo "$!" >"$1/pid"
            wait "$!"
            echo "$?" >"$1/ended"
            [ ! -f "$4" ]
        do
            sleep 0.1
            [ ! -f "$1/stopped" ] || break
        done
    ' sh "$container" "${workdir:-/}" "$1" "$state/restart" </dev/null >/dev/null 2>&1 &
    until [ -s "$container/pid" ]; do sleep 0.01; done
}

# Sets $pid and $status to what runs in $container.
find_process() {
    pid=0 status=created
    [ -f "$container/pid" ] || return 0
    read -r pid <"$container/pid"
    status=running
    case $(ps -o stat= -p "$pid") in '' | Z*) pid=0 status=exited ;; *) return 0 ;; esac
    if [ -f "$state/restart" ] && [ ! -f "$container/stopped" ]; then status=restarting; fi
}

mkdir -p "$state/containers" "$state/images" "$state/pushed"
# What is run in a container is not a call of its own.
if [ "$1" = exec ]; then
    echo "exec $3"
else
    echo "$*"
fi >>"$state/calls"
if [ -s "$state/fail" ]; then
    case "$*" in
    "$(cat "$state/fail")"*) fail "told to fail" ;;
    esac
fi
if [ -s "$state/fail-at" ] && [ "$(wc -l <"$state/calls")" -eq "$(cat "$state/fail-at")" ]; then
    fail "told to fail"
fi

command=$1
shift
case $command in
run)
    name='' mount='' program='' workdir=''
    while :; do
        case $1 in
        --detach | --rm | --tty | --interactive) shift ;;
        --publish | --hostname) shift 2 ;;
        --workdir) workdir=$2 && shift 2 ;;
        --entrypoint) program=$2 && shift 2 ;;
        --name) name=$2 && shift 2 ;;
        --mount) mount=$2 && shift 2 ;;
        --env) env="${env-}$2
" && shift 2 ;;
        *) break ;;
        esac
    done
    if [ "$program" = cat ]; then
        # One that runs to its end: a file of an image is printed.
        image "$1"
        exec cat "$image/rootfs$2"
    fi
    [ -n "$name" ] || fail "the stand-in cannot run that"
    mkdir -p "$(place images "$1")/rootfs"
    new_container "$name"
    printf %s "${env-}" >"$container/env"
    case ${2:-} in
    bin/*)
        echo "$1" >"$container/image"
        image "$1"
        run_release "$2"
        mount=''
        ;;
    esac
    if [ -n "$mount" ]; then
        source=${mount#*source=} target=${mount#*target=}
        source=${source%%,target=*}
        [ -d "$source" ] || fail "bind source path does not exist: $source"
        mkdir -p "$(dirname -- "$target")"
        [ ! -e "$target" ] || fail "the stand-in cannot mount over $target"
        ln -s "$source" "$target"
        echo "$target" >"$container/mount"
    fi
    echo 0123456789ab
    ;;
exec)
    workdir=''
    while :; do
        case $1 in
        --interactive | --tty) shift ;;
        --env) shift 2 ;;
        --workdir) workdir=$2 && shift 2 ;;
        *) break ;;
        esac
    done
    container "$1"
    find_process
    [ "$status" != exited ] || fail "container $1 is not running"
    shift
    while read -r variable; do
        export "${variable?}"
    done <"$container/env"
    HOME=$container/home
    export HOME
    if [ -n "$workdir" ]; then cd "$container/rootfs$workdir"; else cd "$HOME"; fi
    # The shell of what runs in it finds no engine.
    exec env -u GIT_SSH_COMMAND "$@"
    ;;
ps)
    name=${4#name=^/?}
    name=${name%\$}
    if [ -d "$state/containers/$name" ]; then
        # Docker takes it wherever it takes an id.
        echo "$name"
    fi
    ;;
inspect)
    container "$5"
    find_process
    code=$(cat "$container/ended" 2>/dev/null || echo 0)
    echo "$4" | sed -e "s|{{.State.Pid}}|$pid|" -e "s|{{.State.Status}}|$status|" \
        -e "s|{{.State.ExitCode}}|$code|" -e "s|{{.Id}}|$(cat "$container/id" 2>/dev/null)|" \
        -e "s|{{.State.StartedAt}}|$(cat "$container/started" 2>/dev/null)|" \
        -e "s|{{.Config.Image}}|$(cat "$container/image" 2>/dev/null)|"
    ;;
logs)
    container "$3"
    tail -n "$2" "$container/log"
    ;;
kill)
    container "$3"
    find_process
    [ "$status" != exited ] || fail "container $3 is not running"
    touch "$container/stopped"
    [ "$pid" = 0 ] || kill -s "$2" "$pid"
    ;;
rm)
    if [ "$1" != --force ]; then
        container "$1"
        find_process
        case $status in running | restarting) fail "container $1 is $status: stop the container before removing" ;; esac
        set -- --force "$1"
    fi
    container "$2"
    if [ -f "$container/mount" ]; then
        rm -f -- "$(cat "$container/mount")"
    fi
    rm -rf -- "$container"
    echo "$2"
    ;;
images)
    if [ -d "$(place images "$2")" ]; then
        echo 0123456789ab
    fi
    ;;
pull)
    case $1 in
    # Those that others have pushed.
    edeliver/*) mkdir -p "$(place images "$1")/rootfs" ;;
    *)
        [ -d "$(place pushed "$1")" ] || fail "manifest for $1 not found"
        cp -R "$(place pushed "$1")" "$(place images "$1")"
        ;;
    esac
    ;;
image)
    image "$4"
    case $3 in
    *Id*) cat "$image/id" ;;
    *Labels*) sed -n 's/^LABEL [^=]*=//p' "$image/changes" ;;
    *) cat "$image/workdir" 2>/dev/null || echo ;;
    esac
    ;;
create)
    image "$3"
    new_container "$2"
    ;;
cp)
    container "${2%%:*}"
    tar -x -f - -C "$container/rootfs${2#*:}"
    ;;
commit)
    container "$5"
    image=$(place images "$6")
    rm -rf "$image"
    mkdir -p "$image"
    cp -R "$container/rootfs" "$image/rootfs"
    printf '%s\n' "$2" "$4" >"$image/changes"
    echo "sha256:$(date +%s%N)" >"$image/id"
    ;;
tag)
    image "$1"
    rm -rf "$(place images "$2")"
    cp -R "$image" "$(place images "$2")"
    ;;
push)
    image "$1"
    rm -rf "$(place pushed "$1")"
    cp -R "$image" "$(place pushed "$1")"
    ;;
save)
    image "$3"
    tar -c -f "$2" -C "$state/images" "$(basename -- "$image")"
    ;;
load) tar -x -f - -C "$state/images" ;;
version) echo 0 ;;
*) fail "the stand-in does not know 'docker $command'" ;;
esac
