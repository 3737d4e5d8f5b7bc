# What a host is and has, without changing anything. Needs a POSIX shell and coreutils.
#
# Called as: DIRECTORY TOOL...
# Prints "fact KEY VALUE" lines; the last one of an answer that is whole is "fact end".
# shellcheck shell=sh

set -u
LC_ALL=C
export LC_ALL

say() { printf 'fact %s\n' "$*"; }

# The first line that a tool says of its version; no tool may keep us waiting.
version_of() {
	limit=''
	! command -v timeout >/dev/null 2>&1 || limit='timeout 20'
	case $1 in
	erl) $limit erl -noshell -eval 'io:format("OTP ~s~n", [erlang:system_info(otp_release)]), halt().' ;;
	elixir) $limit elixir --short-version ;;
	rebar3) $limit rebar3 version ;;
	*) $limit "$1" --version ;;
	esac </dev/null 2>/dev/null | grep . | tail -n 1
}

say "shell ${SHELL:-unknown}"
say "kernel $(uname -s)"
say "machine $(uname -m)"
name=''
[ ! -r /etc/os-release ] || name=$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '"')
say "system ${name:-$(uname -s)}"
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=''
if [ -z "$libc" ] && ldd --version 2>&1 | grep -qi musl; then libc=musl; fi
say "libc ${libc:-unknown}"
say "clock $(date +%s)"

directory=$1
shift
case $directory in /*) ;; *) directory=$HOME/$directory ;; esac
place=$directory
while [ ! -d "$place" ]; do
	place=${place%/*}
	[ -n "$place" ] || place=/
done
if ! [ -w "$place" ] || ! [ -x "$place" ]; then say "read_only $place"; fi
say "free_kb $(df -Pk -- "$place" | tail -n 1 | { read -r _ _ _ free _ && printf '%s' "$free"; })"
lock=$directory/.git/edeliver-build.lock
[ ! -r "$lock" ] || say "build_lock $(head -n 1 "$lock")"

for tool; do
	if command -v "$tool" >/dev/null 2>&1; then
		version=$(version_of "$tool")
		say "tool $tool ${version:-broken}"
	else
		say "lacks $tool"
	fi
done
say end
