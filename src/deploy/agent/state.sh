# What is known of the deploys on this host, without changing anything.
# shellcheck shell=sh disable=SC2154

state_facts() {
	say "disk $(version_in "$root")"
	if [ -d "$lock" ]; then
		first_line "$lock/owner"
		say "holder $first"
	fi
	if [ -e "$journal" ]; then say "unfinished $(fact_of id "$journal") $(fact_of version "$journal")"; fi
	! runs "$state/guard" || say "guarded yes"
	for left in "$state"/staging/*; do [ ! -e "$left" ] || say "staged ${left##*/}"; done
	previous_facts
}

# The value of the line "KEY VALUE" above the plan of a journal.
fact_of() {
	while read -r key value; do
		case $key in
		"$1") say "$value" && return ;;
		plan) return ;;
		esac
	done <"$2"
}

# The last deploy that was committed and can still be gone back from.
last_deploy() {
	last=''
	for kept in "$state"/undo/*/journal; do [ ! -f "$kept" ] || last=${kept%/journal}; done
	say "${last##*/}"
}

# What was on the disk before the last deploy, and the way back to it: that deploy's steps the other
# way round. What it has put aside and is not there any more is "lost".
previous_facts() {
	last=$(last_deploy)
	[ -n "$last" ] || return 0
	kept=$state/undo/$last
	if grep -qx 'root absent' "$kept/journal"; then
		previous=none
	elif [ -f "$kept/tree/releases/start_erl.data" ]; then
		previous=$(version_in "$kept/tree")
	else
		previous=$(version_in "$root")
	fi
	say "last $last $(fact_of version "$kept/journal") $previous"
	plan_steps <"$kept/journal" | while read -r step flag written; do
		decode "$flag" "$written"
		step=${step#later-}
		case $step in
		add) back=aside ;;
		replace | keep) back=replace ;;
		aside) back=add ;;
		*) continue ;;
		esac
		[ "$step" = add ] || exists "$kept/tree/$name" || say "lost $flag $written"
		say "back $back $flag $written"
	done
}

# A checksum over all that a deploy manages: contents, modes, times of files, targets of links.
fingerprint() {
	cd -- "$root" || fail "cannot enter $root"
	set --
	for part in bin lib releases erts-*; do ! exists "$part" || set -- "$@" "$part"; done
	[ $# -gt 0 ] || fail "there is no release in $root"
	sums=$(
		{
			find "$@" -type f -exec sha256sum {} + && find "$@" -type f -exec stat -c '%n %a %u %Y' {} + &&
				find "$@" ! -type f -exec stat -c '%N %a %u' {} + || say "failed $$"
		} | sort | sha256sum
	) || fail "cannot read the release"
	say "fingerprint ${sums%% *}"
}

# The last $1 lines of the history, or all of it.
history_lines() {
	[ -f "$state/history.jsonl" ] || return 0
	tail -n "${1:-+1}" -- "$state/history.jsonl" | sed 's/^/history /'
}
