#!/bin/sh
# Stands for a tool on a test's host: counts the calls that edeliver's own shells make, and has the
# fault take place at one of them. The calls of the release and of its node are not counted.
dir=@DIR@ mark=@MARK@
tool=${0##*/}
real=/usr/bin/$tool
# A shell drops what lies between the words: /PATH/agent-0123456789abcdefswitchNONCE...
read -r parent <"/proc/$PPID/cmdline" || :
case $parent in
sh/*/agent-????????????????[scug]*)
	phase=${parent#*/agent-????????????????}
	for each in switch stop start commit undo guard; do
		case $phase in "$each"*) phase=$each ;; esac
	done
	;;
# What the release's script calls.
*bin/stand_in*) exec "$real" "$@" ;;
*) phase=session ;;
esac
[ -f "$dir/at" ] || exec "$real" "$@"
# How often one waits for another differs from run to run.
case $phase$tool in sessionsleep | guard*) exec "$real" "$@" ;; esac
words=$*
case $words in
*'
'*) words=${words%%
*}... ;;
esac
printf '%s\n' "$phase $tool $words" >>"$dir/calls"
printf '%s\n' "$tool" >>"$dir/calls.$phase"
{ read -r in at <"$dir/at"; } 2>/dev/null || exec "$real" "$@"
# shellcheck disable=SC2254 # it is a pattern
case $phase in $in) ;; *) exec "$real" "$@" ;; esac
# Calls of a pipeline come at the same time: the first one at or behind the moment is the one.
counted=$dir/calls.$phase
[ "$in" = "$phase" ] || counted=$dir/calls
if [ "$(/usr/bin/wc -l <"$counted")" -lt "$at" ] || ! /usr/bin/mkdir "$dir/fired" 2>/dev/null; then
	exec "$real" "$@"
fi
# shellcheck disable=SC2123 # the tools themselves, not their stand-ins
PATH=@PATH@

# Kills at once what of ours runs on the host, as when its power is cut: agent, guard and all that
# they have started. The node is not ours, nor is sshd.
kill_ours() {
	# Twice, as what is not stopped yet may start something.
	for signal in STOP STOP KILL; do
		# shellcheck disable=SC2013 # these names are words
		for file in $(grep -lsaF -e "$mark" /proc/[0-9]*/environ); do
			pid=${file#/proc/}
			pid=${pid%/environ}
			case $(cat "/proc/$pid/comm" 2>/dev/null) in beam* | sshd*) continue ;; esac
			{ read -r _ _ _ parent _ <"/proc/$pid/stat"; } 2>/dev/null || continue
			case $(cat "/proc/$parent/comm" 2>/dev/null) in beam*) continue ;; esac
			is_own "$pid" || kill -s "$signal" "$pid" 2>/dev/null
		done
	done
	: >"$dir/killed"
}

# This shell and what it has forked itself.
is_own() {
	[ "$1" = $$ ] || [ "$parent" = $$ ]
}

kill_client() {
	while [ ! -s "$dir/client" ]; do sleep 0.01; done
	kill -s KILL "$(cat "$dir/client")"
}

printf '%s\n' "$phase $tool $words" >"$dir/reached"
@ACTION@
