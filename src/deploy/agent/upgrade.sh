# A hot upgrade: the release handler of the running node installs the new release, whose files the
# switch has put into place, and goes back to the old one. Until all hosts have verified nothing is
# permanent: a node that is started again boots the old release.
# shellcheck shell=sh disable=SC2154,SC2034

# What an upgrade needs beside what a deploy needs: a node that runs what boots next, and a list of
# releases that its release handler keeps. Prints the libraries that the running release uses.
upgrade_facts() {
	find_kind "$root/bin/$app"
	case $kind in
	mix) say "obstacle it was made by mix release, which has no upgrades" ;;
	container) say "obstacle it is an image, which has no upgrades" ;;
	esac
	for part in releases/RELEASES releases/start_erl.data; do
		[ -f "$root/$part" ] || say "obstacle it has no $part, which the node's release handler needs"
	done
	used=$(libraries_of "$(version_in "$root")") || {
		say "obstacle the release that runs does not say which libraries it uses (releases/VERSION/NAME.rel)"
		return 0
	}
	say "$used" | sed 's/^/uses /'
}

# What the node calls $1 as a string of Erlang.
erlang_string() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# Names for the expressions below: the release root, versions, and what the release handler says of them.
upgrade_names() {
	say "Root = $(erlang_string "$root"), New = $(erlang_string "$new_version"), Old = $(erlang_string "$old_version"),"
	cat <<-'END'
		In = fun(S) -> [V || {_, V, _, _} <- release_handler:which_releases(S)] end,
		Runs = fun() -> hd(In(current) ++ In(permanent)) end,
		Forget = fun() -> [release_handler:set_removed(New) || {_, V, _, _} <- release_handler:which_releases(), V =:= New] end,
		Install = fun(V) ->
		  case release_handler:check_install_release(V) of
		    {ok, _, _} -> ok;
		    {error, Bad} -> throw({check_install_release, Bad})
		  end,
		  case release_handler:install_release(V, [{update_paths, true}]) of
		    {ok, _, _} -> ok;
		    Other -> throw({install_release, Other})
		  end
		end,
	END
}

install_expression() {
	upgrade_names
	cat <<-'END'
		Dir = filename:join([Root, "releases", New]),
		Steps = case file:consult(filename:join(Dir, "relup")) of
		  {ok, [{New, Ups, _}]} ->
		    case lists:keyfind(Old, 1, Ups) of
		      false -> throw({this_upgrade_starts_from, [element(1, Up) || Up <- Ups]});
		      Up -> element(3, Up)
		    end;
		  Unread -> throw({relup, Unread})
		end,
		[throw({the_upgrade_needs_a_restart, S}) || S <- Steps, S =:= restart_emulator orelse S =:= restart_new_emulator],
		Old =:= Runs() orelse throw({the_node_runs, Runs()}),
		[Rel | _] = [R || R <- filelib:wildcard(filename:join(Dir, "*.rel")),
		  {ok, [{release, {_, V}, _, _}]} <- [file:consult(R)], V =:= New],
		Forget(),
		case release_handler:set_unpacked(Rel, []) of
		  {ok, _} -> ok;
		  {error, E} -> throw({set_unpacked, E})
		end,
		Install(New)
	END
}

permanent_expression() {
	upgrade_names
	cat <<-'END'
		case release_handler:make_permanent(New) of
		  ok -> ok;
		  {error, E} -> throw({make_permanent, E})
		end
	END
}

# It may have gone back on its own, and may have been made permanent.
downgrade_expression() {
	upgrade_names
	cat <<-'END'
		Old =:= Runs() orelse Install(Old),
		case lists:member(Old, In(permanent)) of
		  true -> ok;
		  false -> ok = release_handler:make_permanent(Old)
		end,
		Forget()
	END
}

# What relups run finds the process edeliver_upgrade, to which it can send {edeliver, Text} for whoever upgrades.
wrapped() {
	cat <<-'END'
		catch register(edeliver_upgrade, self()),
		Heard = fun More() -> receive {edeliver, T} -> [T | More()] after 0 -> [] end end,
		Outcome = try
	END
	say "$1"
	cat <<-'END'
		  , "edeliver-done"
		catch _:W -> io_lib:format("edeliver-failed ~0p edeliver-end", [W]) end,
		catch unregister(edeliver_upgrade),
		lists:flatten([["edeliver-heard ", base64:encode_to_string(unicode:characters_to_binary(T)), " "] || T <- Heard()]
		  ++ Outcome).
	END
}

# Prints what was sent so, from the answer $1 on one line.
heard() {
	say "$1" | sed 's/" *"//g' | tr ' ' '\n' | sed -n '/edeliver-heard$/{n;p;}' | while IFS= read -r text; do
		printf '%s' "$text" | base64 -d
		say
	done
}

# The expression $1 is run by the node and came to its end. Else $why says why not. $words: what it was told.
in_node() {
	expression=$(wrapped "$1" | on_one_line)
	call_time=$start_timeout
	case $kind in
	distillery)
		# Its rpc takes Elixir.
		answer=$(call rpc "$(
			say "{:ok, tokens, _} = :erl_scan.string(String.to_charlist(Base.decode64!(\"$(printf %s "$expression" | base64 | tr -d '\n')\")))"
			say "{:ok, parsed} = :erl_parse.parse_exprs(tokens)"
			say "{:value, value, _} = :erl_eval.exprs(parsed, [])"
			say "IO.puts(value)"
		)")
		;;
	*) answer=$(call eval "$expression") ;;
	esac
	called=$?
	call_time=30
	words=$(heard "$(say "$answer" | tr -d '\n')" | grep -v '^[[:space:]]*$')
	case $answer in *edeliver-done*) return 0 ;; esac
	# A long string is printed in parts, on several lines; distillery colours its own words, and prints what
	# its rpc returns behind all.
	why=$(say "$answer" | tr -d '\n' | sed -e 's/" *"//g' -e 's/\\"/"/g' -e 's/.*edeliver-failed //' \
		-e 's/ *edeliver-end.*//' -e "s/$(printf '\033')\[[0-9;]*m//g")
	[ "$called" -ne 124 ] || why="it did not come to its end within $start_timeout s"
	why=${why:-bin/$app ended with exit status $called}
	return 1
}

# Sets $old_pid and $old_version from the journal, and $new_version.
find_upgrade() {
	new_version=$(fact_of version "$journal")
	was=$(node_before)
	was=${was#running }
	old_pid=${was%% *} old_version=${was#* }
	pid=$old_pid
	find_kind "$root/bin/$app"
}

install_upgrade() {
	find_upgrade
	node_logs >"$staging/logs"
	mark installing
	in_node "$(install_expression)" || {
		say "$words"
		fail "the node did not take the upgrade: $why"
	}
	[ -z "$words" ] || say "$words" | sed 's/^/told /'
	is_alive "$old_pid" || fail "the node's process $old_pid has ended in the upgrade"
	verify_node "$new_version" '' "$(cat -- "$state/input")" || {
		retell "${output:-}"
		fail "the upgrade did not work: $why"
	}
	[ "$pid" = "$old_pid" ] || fail "the node was started again, as process $pid instead of $old_pid"
	say "upgraded $pid $version"
}

make_permanent() {
	find_upgrade
	mark permanent
	in_node "$(permanent_expression)" || fail "the upgrade could not be made permanent: $why"
	switch_steps later
	settle "$root"
}

# The node goes back as it came, or else ends, to be started again from the old files.
undo_upgrade() {
	find_upgrade
	is_alive "$old_pid" || return 0
	if in_node "$(downgrade_expression)"; then
		why='it does not answer as before'
		if ask_node && is_version "$old_version" && [ "$status" = started ] && [ -z "$missing" ]; then
			say "downgraded $old_version"
			return 0
		fi
	fi
	say "told the node is restarted, since it cannot go back to $old_version without that: $why"
	node_log "$(cat -- "$staging/logs" 2>/dev/null)"
	stop_node "$old_pid" kill || fail "the node (process $old_pid) does not end"
}
