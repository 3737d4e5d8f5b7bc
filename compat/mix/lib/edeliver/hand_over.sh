# Becomes the command "$@", on the terminal of the Erlang VM whose process is $1.
#
# What the VM starts is in a session of its own: ctrl-c, a closed window and its size reach the VM, not
# us. So ctrl-c is made a SIGQUIT, which the VM leaves to Edeliver.Terminal (a SIGINT it would take for
# itself), and the rest is seen to here. 3 is at its end when the VM is gone; what is written to 4 comes to it.
# The redirections are those of subshells: a function's own would be undone behind it, so that the shell
# keeps a copy of each, and the VM would wait for the end of that.
# shellcheck shell=sh
vm=$1
shift

find_terminal() {
	for terminal in 0 2 1; do
		if [ -t "$terminal" ]; then return 0; fi
	done
	return 1
}

# A job in the background leaves the terminal alone. Where there is no such ps it is taken for one in front.
is_in_front() {
	# shellcheck disable=SC2046 # two numbers
	set -- $(ps -o pgid= -o tpgid= -p "$vm" 2>/dev/null)
	[ "${1:-}" = "${2:-}" ]
}

# The system does not tell us of a window that changes.
watch_size() {
	size=$(stty size)
	while sleep 1 && kill -s 0 "$$"; do
		seen=$(stty size)
		[ "$seen" = "$size" ] || kill -s WINCH -- "-$$"
		size=$seen
	done
}

# Without the VM nobody waits for us any more, and no ctrl-c comes: the command is asked to end.
watch_vm() {
	read -r _
	kill -s TERM "$$" || exit 0
	[ -z "$saved" ] || stty "$saved" <&5
}

saved='' terminal=''
if find_terminal && is_in_front && saved=$(stty -g <&"$terminal" 2>/dev/null); then
	stty intr undef susp undef quit '^C' <&"$terminal"
	echo "$terminal $saved" >&4
	# What runs in the background has no standard input, which the terminal may be.
	exec 5<&"$terminal"
	(exec <&5 3<&- 4>&- 5<&- >/dev/null 2>&1 && watch_size) &
	(exec <&3 3<&- 4>&- >/dev/null 2>&1 && watch_vm) &
else
	saved=''
	(exec <&3 3<&- 4>&- >/dev/null 2>&1 && watch_vm) &
fi
exec "$@" 3<&- 4>&- 5<&-
