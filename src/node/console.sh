# The console of the running node, on this terminal.
# shellcheck shell=sh disable=SC2154

# A terminal comes with the keys of the one that it stands for. Below Mix that one has no key for
# ctrl-c, which is to reach the node's console all the same.
set_keys() {
	case $(stty -a) in
	*'intr = <undef>'*) stty intr '^C' quit "^\\" susp '^Z' ;;
	esac
}

# common.sh has put both outputs together, as they are on a terminal.
open_console() {
	find_kind "$root/bin/$app"
	find_pid
	find_control
	if [ "$kind" = container ] && find_container && find_inside; then kind=$inside; fi
	case $kind in mix) console=remote ;; *) console=remote_console ;; esac
	enter_release
	if [ -n "$cookie" ]; then export RELEASE_COOKIE="$cookie" RELX_COOKIE="$cookie"; fi
	set_keys
	exec "$script" "$console"
}

open_console
