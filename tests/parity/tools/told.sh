# What the start script of a release does in the recordings beside what the stand-in's does: it writes down
# what the node is told, and answers what edeliver's own module and OTP's release handler would.
# Nothing that a node is only asked is written down: it changes nothing.
# shellcheck shell=sh disable=SC2154

# shellcheck source-path=SCRIPTDIR source=write_down.sh
. "$HOME/../write_down.sh"

told() { write_down "$HOME/../calls" "$app" "$@"; }

# The node runs this version from now on; its process stays.
takes() {
    file=$(registration)
    { sed -n 1p "$file" && echo "$1" && sed -n '3,$p' "$file"; } >"$file.new"
    mv "$file.new" "$file"
}

boots_next() { printf '13.1 %s' "$1" >"$root/releases/start_erl.data"; }

# `bin/APP upgrade VERSION`: the release handler unpacks, installs and makes permanent.
upgrade() {
    require_answer
    wanted=${1#"${app}_"}
    cd "$root" || exit 1
    if [ -f "releases/$wanted/$app.tar.gz" ]; then
        tar -xzf "releases/$wanted/$app.tar.gz"
    else
        tar -xzf "releases/${app}_$wanted.tar.gz"
    fi
    takes "$wanted"
    boots_next "$wanted"
    echo "Release $wanted installed"
}

# A release handler that is told to do what stands in this expression.
release_handler() {
    require_answer
    new=${1#*New = \"}
    new=${new%%\"*}
    old=${1#*Old = \"}
    old=${old%%\"*}
    case $1 in
    *set_unpacked*)
        told "install_release $new"
        takes "$new"
        ;;
    *make_permanent\(New\)*)
        told "make_permanent $new"
        boots_next "$new"
        ;;
    *)
        told "install_release $old"
        takes "$old"
        ;;
    esac
    echo edeliver-done
}

edeliver_module() {
    require_answer
    case $* in
    *release_version*) echo "$running_version" ;;
    *monitor_startup_progress*) echo ok ;;
    *list_pending_migrations*) echo "pending: 20240101000000 create_products" ;;
    *:migrate,*)
        told "$@"
        echo "[20240101000000]"
        ;;
    esac
}

case ${1:-} in
start | daemon | stop | restart) told "$@" ;;
upgrade)
    told "$@"
    upgrade "${2:-}"
    exit
    ;;
rpc)
    case $* in *run_command*)
        edeliver_module "$@"
        exit
        ;;
    esac
    ;;
eval)
    case ${2:-} in *edeliver-done*)
        release_handler "$2"
        exit
        ;;
    esac
    ;;
esac
