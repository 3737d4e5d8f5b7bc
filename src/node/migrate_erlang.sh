# Migrations by a release without Elixir: its running node evaluates MIGRATE_EVAL.
# shellcheck shell=sh disable=SC2154,SC2034

# Has the node do $1 (pending, up, down), to version $2, exactly $3.
node_migrator() {
	answer=$(
		call_time=$migrate_time
		# Else relx's script gives a migration one minute.
		export RELX_RPC_TIMEOUT="$migrate_time"
		call eval "$(erlang_migrator "$@" | on_one_line)"
	)
	ended=$?
	# It is printed as a term, which may stand on several lines.
	answer=$(say "$answer" | tr '\n' ' ' | sed 's/" *"//g')
	case $answer in *'edeliver done'*) ;; *) [ "$ended" -ne 0 ] || ended=1 ;; esac
	say "$answer" | sed -e 's/^"//' -e 's/"[[:space:]]*$//' | tr '|' '\n' | grep -v -x -e 'edeliver done' -e ' *'
	return "$ended"
}

# In Erlang. The module of MODULE:FUNCTION may tell its migrations by migrations/0: {up | down, Version, Name}.
erlang_migrator() {
	code=$EDELIVER_MIGRATE_EVAL module=''
	undo=${EDELIVER_ROLLBACK_EVAL:-}
	if say "$code" | grep -qx '[a-z][A-Za-z0-9_@]*:[a-z][A-Za-z0-9_@]*'; then
		module=${code%%:*}
		if [ -n "${2:-}" ]; then code="$code(Version)"; else code="$code()"; fi
	fi
	if [ -z "$undo" ] && [ -n "$module" ]; then undo="$module:rollback(Version)"; fi
	case $1:$code in
	up:*Version*) ;;
	up:*) [ -z "${2:-}" ] || code='throw("it cannot migrate to a version: use Version in MIGRATE_EVAL")' ;;
	down:*) code=${undo:-'throw("set ROLLBACK_EVAL, which undoes down to Version")'} ;;
	pending:*) code='[throw("it has no migrations/0, which tells them") || not Told]' ;;
	esac
	cat <<-END
		Only = [list_to_integer(N) || N <- string:tokens("${3:-}", " ")],
		Version = case {"${2:-}", Only} of {"", []} -> 0; {"", _} -> lists:min(Only); {V0, _} -> list_to_integer(V0) end,
		Module = '$module',
		Told = (catch Module:module_info(module)) =:= Module andalso erlang:function_exported(Module, migrations, 0),
		States = fun() -> case Told of true -> Module:migrations(); false -> [] end end,
		Tell = fun(Word, All) -> [io_lib:format("edeliver ~s ~w ~s|", [Word, V, N]) || {_, V, N} <- lists:keysort(2, All)] end,
		Before = States(),
		Others = [io_lib:format("migration ~w ~s ran before this deploy, and would be undone as well|", [V, N])
		  || {up, V, N} <- Before, Only =/= [], V > Version, not lists:member(V, Only)],
		End = case Others of
		  [] ->
		    try begin $code end of _ -> "edeliver done|"
		    catch throw:Why -> case io_lib:printable_list(Why) of true -> Why; false -> io_lib:format("~0p", [Why]) end;
		      Class:Why -> io_lib:format("~w: ~0p", [Class, Why])
		    end;
		  _ -> Others
		end,
		Ran = case pending of
		  $1 -> Tell("pending", [M || {down, _, _} = M <- Before]);
		  _ when Told -> Tell("$1", States() -- Before);
		  _ -> "edeliver unknown|"
		end,
		lists:flatten([Ran, End]).
	END
}
