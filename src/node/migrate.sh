# Migrations of the database by the release: what is pending, up, down.
# shellcheck shell=sh disable=SC2154,SC2034

migrate_time=${EDELIVER_MIGRATE_TIMEOUT:-3600}

# Sets $through: "module" where the release has edeliver's own module, which is asked in the running
# node; "eval", which takes a VM of its own; or "node", where a release without Elixir is told what to do.
find_migrator() {
	find_kind "$root/bin/$app"
	case $kind in
	mix | distillery) through='eval' ;;
	container) fail "an image is deployed, whose migrations are run by its release: $root/bin/$app rpc ..." ;;
	*)
		[ -n "${EDELIVER_MIGRATE_EVAL:-}" ] || fail "a release without Elixir migrates by MIGRATE_EVAL, which is not set"
		through=node
		return
		;;
	esac
	[ -n "${EDELIVER_MIGRATE_EVAL:-}${shown:-}" ] || ! has_module || through=module
}

# Prints "VERSION NAME" for each migration that has not run. Else fails, and prints why.
pending_migrations() {
	case $through in
	module) told=$(run_command list_pending_migrations) ;;
	*) told=$("${through}_migrator" pending) ;;
	esac || {
		tell_last "$told"
		return 1
	}
	case $through in
	module) say "$told" | sed -n 's/.*pending: \(.*\) (\([0-9][0-9]*\)).*/\2 \1/p' ;;
	*) say "$told" | sed -n 's/^edeliver pending //p' ;;
	esac
}

# Migrates in direction $1 (up, down) to version $2, if any; of a list of versions $3, if any, exactly
# those. Prints "migrated DIRECTION VERSION NAME" for each that ran, also when it fails; then also why.
run_migrations() {
	if [ "$through" = module ]; then
		run_by_module "$@"
	else
		told=$("${through}_migrator" "$1" "${2:-}" "${3:-}")
		ended=$?
		say "$told" | sed -n -e "s/^edeliver $1 /migrated $1 /p" \
			-e "s/^edeliver unknown/migrated $1: which migrations ran is not known/p"
	fi
	[ "$ended" -ne 124 ] || say "it did not end within $migrate_time s (MIGRATE_TIMEOUT)"
	[ "$ended" -eq 0 ] || tell_last "$told"
	return "$ended"
}

# What went wrong stands before its stack trace, or else last. Distillery writes it in colour. Edeliver's own
# module says it, and throws "error".
tell_last() {
	escape=$(printf '\033')
	plain=$(say "$1" | sed -e "s/$escape\[[0-9;]*m//g" -e '/^\*\* (throw) "error"/,$d')
	raised=$(say "$plain" | sed -n '/^\*\* (/,$p' | head -n 4)
	say "${raised:-$plain}" | grep -v -e '^[[:space:]]*$' -e '^edeliver ' | tail -n 8
}

# Sets $ended and $told.
run_by_module() {
	before=$(pending_migrations) || {
		ended=1 told=$before
		return
	}
	to=${2:-}
	if [ -n "${3:-}" ]; then
		to=$(lowest "$3")
		told=$(others_above "$to" "$3")
		ended=1
		[ -z "$told" ] || return
	fi
	if [ -n "$to" ]; then told=$(call_migrator "$1" "$to"); else told=$(run_command migrate ":$1"); fi
	ended=$?
	after=$(pending_migrations) || {
		ended=1 told=$after
		return
	}
	case $1 in
	up) without "$before" "$after" ;;
	*) without "$after" "$before" ;;
	esac | sed "s/^/migrated $1 /"
}

# The lines of $1 that $2 does not have.
without() {
	say "$1" | while IFS= read -r line; do
		[ -z "$line" ] || say "$2" | grep -qxF -e "$line" || say "$line"
	done
}

lowest() { say "$1" | tr ' ' '\n' | sort -n | head -n 1; }

# Going down to version $1 would undo these migrations as well, which are not among $2.
others_above() {
	for file in "$root/lib/$app"-*/priv/repo/migrations/[0-9]*.exs; do
		other=${file##*/}
		other=${other%%_*}
		case " $2 " in *" $other "*) continue ;; esac
		[ "$other" -gt "$1" ] 2>/dev/null || continue
		say "$before" | grep -q -e "^$other " || say "migration $other ran before this deploy, and would be undone as well"
	done
}

# Calls the function $1 of edeliver's own module in the running node, as the original does.
run_command() {
	repository='""'
	[ -z "${ECTO_REPOSITORY:-}" ] || repository="~c\"Elixir.${ECTO_REPOSITORY#Elixir.}\""
	(
		call_time=$migrate_time
		call rpc "Elixir.Edeliver.run_command([:$1,\"$app\",$repository${2:+,$2}])"
	)
}

# Migrates in direction $1 to version $2. The module hands a version on as text, which Ecto does not
# understand, so Ecto is asked itself.
call_migrator() {
	(
		call_time=$migrate_time
		call rpc "$(
			cat <<-END
				app = :"$app"
				{_, _, vsn} = List.keyfind(:application.which_applications(), app, 0)
				repo = case "${ECTO_REPOSITORY:-}" do
				  "" -> hd(Application.fetch_env!(app, :ecto_repos))
				  name -> Module.concat([name])
				end
				Ecto.Migrator.run(repo, Edeliver.migrations_dir(app, to_string(vsn)), :$1, to: $2)
			END
		)"
	)
}

# Prints "applied VERSION" for each migration of the database that ran; makes nothing there. Else fails,
# and prints why.
applied_migrations() {
	case $through in
	module) told=$(call_applied) ;;
	*) told=$(eval_migrator applied) ;;
	esac || {
		tell_last "$told"
		return 1
	}
	say "$told" | sed -n 's/^edeliver applied /applied /p'
}

call_applied() {
	call rpc "$(
		cat <<-END
			repo = case "${ECTO_REPOSITORY:-}" do
			  "" -> hd(Application.fetch_env!(:"$app", :ecto_repos))
			  name -> Module.concat([name])
			end
			for v <- Ecto.Migrator.migrated_versions(repo, skip_table_creation: true), do: IO.puts("edeliver applied #{v}")
		END
	)"
}

# Has a VM of its own do $1 (pending, applied, up, down), to version $2, exactly $3. A release that is not in place
# yet ($shown) works where it is going to be, and leaves nothing there for the one that is.
eval_migrator() {
	(
		EDELIVER_APP=$app EDELIVER_DO=$1 EDELIVER_VERSION=${2:-} EDELIVER_ONLY=${3:-}
		export EDELIVER_APP EDELIVER_DO EDELIVER_VERSION EDELIVER_ONLY
		enter_release
		if [ -n "${shown:-}" ]; then
			export RELEASE_TMP="$staging/own" RELEASE_MUTABLE_DIR="$staging/own"
			[ ! -d "$in_place" ] || cd -- "$in_place" || exit 1
		fi
		exec timeout "$migrate_time" "$root/bin/$app" eval "$(migrator)" </dev/null 2>&1
	)
}

# In Elixir. A release's own module may tell its migrations by migrations/0, as Ecto.Migrator does.
migrator() {
	cat <<-'END'
		get = fn name -> with("" <- System.get_env(name, ""), do: nil) end
		app = String.to_atom(get.("EDELIVER_APP"))
		_ = Application.load(app)
		usual = inspect(Module.concat([Macro.camelize(to_string(app)), "Release"]))
		code = get.("EDELIVER_MIGRATE_EVAL") || usual <> ".migrate()"
		module = case Code.string_to_quoted(code) do
		  {:ok, {{:., _, [{:__aliases__, _, parts}, _]}, _, _}} -> Module.concat(parts)
		  _ -> Module.concat([usual])
		end
		undo = get.("EDELIVER_ROLLBACK_EVAL") || inspect(module) <> ".rollback(repo, version)"
		repos = case get.("ECTO_REPOSITORY") do
		  nil -> Application.get_env(app, :ecto_repos, [])
		  name -> [Module.concat([name])]
		end
		has = fn module, name, arity -> Code.ensure_loaded?(module) and function_exported?(module, name, arity) end
		ecto = Module.concat(["Ecto.Migrator"])
		states = fn ->
		  cond do
		    has.(module, :migrations, 0) -> for {s, v, n} <- module.migrations(), do: {List.first(repos), s, v, n}
		    has.(ecto, :migrations, 1) ->
		      Enum.flat_map(repos, fn repo ->
		        {:ok, all, _} = ecto.with_repo(repo, &ecto.migrations/1)
		        for {s, v, n} <- all, do: {repo, s, v, n}
		      end)
		    true -> nil
		  end
		end
		tell = fn word, all -> for {_, _, v, n} <- Enum.sort_by(all, &elem(&1, 2)), do: IO.puts("edeliver #{word} #{v} #{n}") end
		go = fn way, run ->
		  before = states.()
		  try do
		    run.()
		  after
		    if before, do: tell.(way, states.() -- before), else: IO.puts("edeliver unknown")
		  end
		end
		to = get.("EDELIVER_VERSION")
		to = to && String.to_integer(to)
		case get.("EDELIVER_DO") do
		  "pending" ->
		    all = states.() || raise "neither #{inspect(module)}.migrations/0 nor Ecto.Migrator is in the release"
		    tell.("pending", for({_, :down, _, _} = each <- all, do: each))
		  "applied" ->
		    versions =
		      if has.(module, :migrations, 0) do
		        for {:up, v, _} <- module.migrations(), do: v
		      else
		        Enum.flat_map(repos, fn repo ->
		          {:ok, all, _} = ecto.with_repo(repo, &ecto.migrated_versions(&1, skip_table_creation: true))
		          all
		        end)
		      end
		    for v <- versions, do: IO.puts("edeliver applied #{v}")
		  "up" ->
		    go.("up", fn ->
		      cond do
		        to && has.(module, :migrate, 1) && !get.("EDELIVER_MIGRATE_EVAL") -> module.migrate(to)
		        to && !String.contains?(code, "version") -> raise "#{code} cannot migrate to a version: use `version` in MIGRATE_EVAL"
		        true -> Code.eval_string(code, version: to)
		      end
		    end)
		  "down" ->
		    only = for v <- String.split(get.("EDELIVER_ONLY") || ""), do: String.to_integer(v)
		    all = if only == [], do: [], else: states.()
		    for {_, :up, v, n} <- all, v > Enum.min(only), v not in only do
		      raise "migration #{v} #{n} ran before this deploy, and would be undone as well"
		    end
		    mine = for {repo, :up, v, _} <- all, v in only, do: {repo, v}
		    targets = if only == [], do: for(repo <- (repos == [] && [nil]) || repos, do: {repo, to || 0}),
		      else: for({repo, of} <- Enum.group_by(mine, &elem(&1, 0), &elem(&1, 1)), do: {repo, Enum.min(of)})
		    go.("down", fn -> for {repo, version} <- targets, do: Code.eval_string(undo, repo: repo, version: version) end)
		end
	END
}
