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
    mkdir -p "$container/root" "$container/home"
    if [ -d "$state/files" ]; then
        cp -R "$state/files/." "$container/root"
    fi
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
    name='' mount='' program=''
    while :; do
        case $1 in
        --detach | --rm) shift ;;
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
        exec cat "$image/root$2"
    fi
    [ -n "$name" ] || fail "the stand-in cannot run that"
    mkdir -p "$(place images "$1")/root"
    new_container "$name"
    printf %s "${env-}" >"$container/env"
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
    [ "$1" = --interactive ] || fail "only --interactive is known"
    container "$2"
    shift 2
    while read -r variable; do
        export "${variable?}"
    done <"$container/env"
    HOME=$container/home
    export HOME
    cd "$HOME"
    # The shell of what runs in it finds no engine.
    exec env -u GIT_SSH_COMMAND "$@"
    ;;
ps)
    name=${4#name=^/?}
    if [ -d "$state/containers/${name%\$}" ]; then
        echo 0123456789ab
    fi
    ;;
rm)
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
    edeliver/*) mkdir -p "$(place images "$1")/root" ;;
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
    tar -x -f - -C "$container/root${2#*:}"
    ;;
commit)
    container "$5"
    image=$(place images "$6")
    rm -rf "$image"
    mkdir -p "$image"
    cp -R "$container/root" "$image/root"
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
