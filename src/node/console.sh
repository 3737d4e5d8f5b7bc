# The console of the running node, on this terminal.
# shellcheck shell=sh disable=SC2154

# common.sh has put both outputs together, as they are on a terminal.
open_console() {
	find_kind "$root/bin/$app"
	find_pid
	find_control
	case $kind in mix) console=remote ;; *) console=remote_console ;; esac
	enter_release
	if [ -n "$cookie" ]; then export RELEASE_COOKIE="$cookie" RELX_COOKIE="$cookie"; fi
	exec "$script" "$console"
}

open_console
