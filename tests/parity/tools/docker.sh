#!/bin/sh
# The docker of a recording. It writes down what the engine is told, in one form for calls that mean the
# same, and tells it to the stand-in in the form that this knows (tests/stand_in/docker.sh).
# What is only asked changes nothing, and is not written down; nor is what runs in a container, whose tools
# do that themselves.
set -eu

# shellcheck source-path=SCRIPTDIR source=write_down.sh
. @OUTER@/write_down.sh
engine=@ENGINE@

told() { write_down @OUTER@/calls docker "$@"; }
tell() { "$engine/docker" "$@"; }

if [ -f "@OUTER@/own/docker" ]; then
    # shellcheck source=/dev/null
    . "@OUTER@/own/docker"
fi

# Containers are called by what they are for, whoever has named them.
command=$1
shift
for word; do
    shift
    set -- "$@" "$(printf '%s\n' "$word" | sed 's/edeliver-\(build\|release\)-[0-9a-z-]*/\1/g')"
done

# What is mounted is where the container has it, and a link in its own place: paths in the container are
# those of an engine then.
mount() {
    source=${1#*source=} target=${1#*target=}
    source=${source%%,target=*}
    mkdir -p "${target%/*}"
    mv "$source" "$target"
    ln -s "$target" "$source"
    echo "$source" >"$engine/containers/build/mounted"
}

unmount() {
    [ -f "$engine/containers/build/mounted" ] || return 0
    source=$(cat "$engine/containers/build/mounted")
    target=$(readlink "$source")
    rm "$source" "$engine/containers/build/mounted"
    mv "$target" "$source"
}

run() {
    case "$*" in
    *" cat "*)
        # `--rm [--entrypoint cat] IMAGE [cat] FILE`
        shift
        [ "$1" != --entrypoint ] || shift
        [ "$1" != cat ] || shift
        image=$1
        [ "$2" != cat ] || shift
        tell run --rm --entrypoint cat "$image" "$2"
        ;;
    *)
        # `--detach [--name build] --mount MOUNT IMAGE tail -f /dev/null`
        shift
        [ "$1" != --name ] || shift 2
        told run "$@"
        tell run --detach --name build "$3" >/dev/null
        mount "$2"
        echo build
        ;;
    esac
}

# `image ls --format {{.Tag}} NAME`, `image inspect --format[=]WHAT IMAGE`
image() {
    case $1 in
    ls)
        name=$(printf %s "$4" | tr '/:' '__')
        for each in "$engine/images/${name}_"*; do
            [ ! -d "$each" ] || echo "${each##*/"${name}"_}"
        done
        ;;
    inspect)
        case $2 in
        --format=*) set -- inspect --format "${2#*=}" "$3" ;;
        esac
        case $3 in
        # Engines no longer have it.
        *ContainerConfig*) echo ;;
        *) tell image "$@" ;;
        esac
        ;;
    esac
}

commit() {
    label='' workdir=''
    while :; do
        case $1 in
        -c=*) change=${1#-c=} && shift ;;
        --change) change=$2 && shift 2 ;;
        *) break ;;
        esac
        case $change in
        LABEL*) label=$change ;;
        *) workdir=$change ;;
        esac
    done
    told commit --change "$label" --change "$workdir" "$@"
    tell commit --change "$label" --change "$workdir" "$@"
}

case $command in
run) run "$@" ;;
exec)
    PATH=@CONTAINER@/tools:$PATH
    export PATH
    if [ "$1" = --interactive ]; then
        tell exec "$@"
    else
        tell exec --interactive "$@" </dev/null
    fi
    ;;
images)
    shift
    tell images --quiet "$@"
    ;;
image) image "$@" ;;
inspect)
    # Of an image, where the original asks for its labels.
    case $* in
    *.Config.Labels*) image inspect "$@" ;;
    *) tell inspect "$@" ;;
    esac
    ;;
diff) ;;
create)
    # `--workdir=/tmp BASE`, `--name release BASE`
    while [ $# -gt 1 ]; do shift; done
    told create "$1"
    tell create --name release "$1"
    echo release
    ;;
cp)
    case $1 in
    # Out of the container, which has it at the same place as this machine.
    build:*) cp "${1#*:}" "$2" ;;
    -)
        told cp "$@"
        tell cp "$@"
        ;;
    *)
        told cp "$@"
        tar -c -C "$(dirname -- "$1")" "$(basename -- "$1")" | tell cp - "${2%/*}/"
        ;;
    esac
    ;;
commit) commit "$@" ;;
kill)
    told kill "$1"
    unmount
    touch "$engine/containers/$1/killed"
    ;;
rm)
    # One that runs is killed with --force.
    [ "$1" != --force ] || shift
    if [ "$1" = build ] && [ ! -e "$engine/containers/$1/killed" ]; then
        told kill "$1"
        unmount
    fi
    told rm "$1"
    tell rm --force "$1"
    ;;
save)
    # To standard output, or `--output FILE`.
    if [ "$1" = --output ]; then
        tell save "$@"
    else
        tell save --output - "$1"
    fi
    ;;
pull | push | tag | load)
    told "$command" "$@"
    tell "$command" "$@"
    ;;
*) tell "$command" "$@" ;;
esac
