#!/bin/sh
# The start script of the stand-in release: to a deploy tool it looks like the extended start script
# of an Erlang release. No Erlang is behind it: the node is a shell loop.
#
# start | daemon | foreground | stop | restart | pid | ping | version | rpc M F [A] | eval EXPR |
# remote_console
#
# As with Erlang, a node is reached by its name with its cookie, not by its files: who is registered
# stands in $STAND_IN_RUN (default ~/.stand-in), which takes the place of epmd, and a caller with
# another cookie learns no more than that the node does not respond.
set -eu

app='@APP@'
self_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(dirname -- "$self_dir")

boot_version() { cut -d' ' -f2 "$root/releases/start_erl.data"; }

vm_arg() { sed -n "s/^$1  *//p" "$root/releases/$(boot_version)/vm.args"; }

node_name() { printf '%s\n' "${RELEASE_NODE:-$(vm_arg -sname)}"; }

own_cookie() {
    if [ -n "${RELEASE_COOKIE:-}" ]; then
        printf '%s\n' "$RELEASE_COOKIE"
    elif [ -f "$root/releases/COOKIE" ]; then
        cat "$root/releases/COOKIE"
    else
        vm_arg -setcookie
    fi
}

# Where this name is registered: a file with the lines pid, version, cookie, root.
registration() { printf '%s/%s\n' "${STAND_IN_RUN:-$HOME/.stand-in}" "$(node_name)"; }

# The release's own behaviour, unless ~/.stand-in-behaviour has a line `VERSION BEHAVIOUR` for it
# (`*` stands for every version): so that one archive is broken on one host only.
behaviour() {
    if [ -f "$HOME/.stand-in-behaviour" ]; then
        while read -r version chosen; do
            if [ "$version" = "$(boot_version)" ] || [ "$version" = '*' ]; then
                printf '%s\n' "$chosen"
                return
            fi
        done <"$HOME/.stand-in-behaviour"
    fi
    cat "$root/releases/$(boot_version)/behaviour"
}

# Sets pid, running_version, cookie of the node that is registered and alive.
find_node() {
    file=$(registration)
    [ -f "$file" ] || return 1
    { read -r pid && read -r running_version && read -r cookie; } <"$file" || return 1
    kill -0 "$pid" 2>/dev/null || return 1
    # The number may belong to another process by now.
    ps -ww -p "$pid" -o args= | grep -qF -e "-sname $(node_name) "
}

require_answer() {
    if ! find_node || [ "$cookie" != "$(own_cookie)" ]; then
        echo "Node is not responding"
        exit 1
    fi
    # One that hangs (SIGSTOP) does not answer, which the caller notices after a while.
    case $(ps -o stat= -p "$pid") in
    T*)
        sleep 1
        echo "Node is not responding"
        exit 1
        ;;
    esac
}

start() {
    case $(behaviour) in
    start_exits_7)
        echo "$app: cannot start: init terminating in do_boot" >&2
        exit 7
        ;;
    "slow_launch "*) sleep "$(behaviour | cut -d' ' -f2)" ;;
    esac
    mkdir -p "$root/log" "$root/var"
    cd "$root"
    # Words as on the command line of a real node, so that its root, name and cookie can be seen.
    set -- node -root "$root" -sname "$(node_name)" -setcookie "$(own_cookie)" \
        -boot "$root/releases/$(boot_version)/start"
    # The process has the name of a real node's.
    beam=$(dirname -- "$(registration)")/beam.smp
    mkdir -p "${beam%/*}"
    ln -sf "$(command -v sh)" "$beam"
    if [ "$mode" = foreground ]; then
        exec "$beam" "$root/bin/$app" "$@"
    fi
    # As run_erl does: nothing of the caller's session stays open, such as a lock file's descriptor.
    exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    if command -v setsid >/dev/null 2>&1; then
        setsid "$beam" "$root/bin/$app" "$@" </dev/null >/dev/null 2>&1 &
    else
        "$beam" "$root/bin/$app" "$@" </dev/null >/dev/null 2>&1 &
    fi
}

# From here to serve(): the node's own process.

say() { printf '%s %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$1" >>"$root/log/$app.log"; }

# All processes that ever were this node: `EVENT PID VERSION`.
record() { printf '%s %s %s\n' "$1" "$$" "$version" >>"$root/var/starts"; }

# A half switched release does not boot, as its modules do not fit together.
check_files() {
    [ -f "$root/lib/$app-$version/ebin/$app.beam" ] && [ -x "$root/erts-13.1/bin/erl" ] &&
        [ "$(cat "$root/lib/common-1.0.0/ebin/x.beam")" = "common for $version" ]
}

register() {
    file=$(registration)
    mkdir -p "$(dirname -- "$file")"
    if find_node; then
        say "the name $(node_name) seems to be in use by another node ($pid)"
        return 1
    fi
    rm -f "$file"
    case $1 in wrong_version) answer=9.9.9 ;; *) answer=$version ;; esac
    printf '%s\n' "$$" "$answer" "$own" "$root" >"$file.$$"
    # Unlike a rename, a link does not replace what another node has registered meanwhile.
    if ! ln "$file.$$" "$file"; then
        rm -f "$file.$$"
        return 1
    fi
    rm -f "$file.$$"
}

leave() {
    [ -z "${nap:-}" ] || kill "$nap" 2>/dev/null || : # it may have just ended
    if find_node && [ "$pid" = "$$" ]; then
        rm -f "$file"
    fi
    record stopped
    say "$app $version stopped"
    exit 0
}

# Sleeps so that a signal is heard at once.
rest() {
    sleep "$1" &
    nap=$!
    wait "$nap" || : # ended by a signal whose trap has run
}

node() {
    version=$(boot_version)
    own=$(own_cookie)
    chosen=$(behaviour)
    # The terminal or session it was started from goes away.
    trap '' HUP
    case $chosen in
    stop_ignored) trap '' TERM INT ;;
    *) trap leave TERM INT ;;
    esac
    record started
    if ! check_files; then
        record refused
        say "cannot boot $version: its files do not fit together"
        exit 1
    fi
    # shellcheck disable=SC2086 # `slow_start N`: two words
    set -- $chosen
    case $1 in
    slow_start) rest "${2:-3}" ;;
    esac
    if [ "$1" != never_answers ] && ! register "$1"; then
        record refused
        exit 1
    fi
    say "$app $version started"
    if [ "$1" = dies_after_start ]; then
        rest 1
        record died
        say "$app $version crashed"
        exit 1
    fi
    serve
}

serve() {
    while :; do
        say "$app $version serves"
        echo "written by $version" >>"$root/var/data"
        rest "${STAND_IN_INTERVAL:-0.5}"
    done
}

stop() {
    require_answer
    kill "$pid" 2>/dev/null || : # it may have just ended
    # As the real script: until the process is gone, however long that takes.
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
    done
    echo ok
}

call() {
    case $1 in
    init:script_id) printf '{"%s","%s"}\n' "$app" "$running_version" ;;
    init:get_status) echo '{started,started}' ;;
    os:getpid) printf '"%s"\n' "$pid" ;;
    erlang:is_alive) echo true ;;
    application:which_applications)
        printf '[{%s,"stand-in","%s"},{stdlib,"ERTS  CXC 138 10","4.2"},{kernel,"ERTS  CXC 138 10","8.5"}]\n' \
            "$app" "$running_version"
        ;;
    *) printf "{badrpc,{'EXIT',{undef,[{%s}]}}}\n" "$1" ;;
    esac
}

# Says what it sees of its terminal; ctrl-c does not end it.
console() {
    require_answer
    trap 'echo "it was interrupted"' INT
    trap 'echo "it has $(stty size)"' WINCH
    echo "console of $(node_name), terminal $TERM $(stty size)"
    while :; do
        IFS= read -r line || continue
        [ "$line" != leave ] || exit 0
        [ "$line" != break ] || exit 5
        echo "it was told $line"
    done
}

main() {
    mode=${1:-help}
    case $mode in
    start | daemon | foreground) start ;;
    node) node ;;
    stop) stop ;;
    restart)
        stop >/dev/null
        start
        ;;
    ping) require_answer && echo pong ;;
    pid) require_answer && echo "$pid" ;;
    remote_console) console ;;
    version) require_answer && echo "$running_version" ;;
    rpc) require_answer && call "${2:-}:${3:-start}" ;;
    eval)
        require_answer
        # Without this it does not know what it is asked, as scripts of old releases do not.
        case $(behaviour) in application_missing)
            printf 'edeliver %s started [dep]\n' "$running_version"
            exit 0
            ;;
        esac
        expression=$(printf '%s' "${2:-}" | tr -d ' ()' | sed 's/\.$//')
        call "$expression"
        ;;
    *)
        echo "Usage: $app {start|daemon|foreground|stop|restart|pid|ping|version|rpc|eval}"
        exit 1
        ;;
    esac
}

# The last line, so that the shell has read all of this file before it runs any of it: the file may
# be replaced while the node runs.
main "$@"
