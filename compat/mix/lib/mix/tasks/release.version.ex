defmodule Mix.Tasks.Release.Version do
  use Mix.Task

  @shortdoc "Shows or changes the version of the release that is built"

  @moduledoc """
  Shows the version of the release, or changes it for this run of Mix. `mix.exs` stays as it is.

      mix release.version show
      mix do clean, release.version [increment] major|minor|patch [METADATA...], release
      mix do clean, release.version set VERSION [METADATA...], release
      mix do clean, release.version METADATA..., release

  The task goes between `clean`, so that everything is compiled with the new version, and what makes the release.

  ## Metadata

  What is appended to the version: `1.2.3+82a5834-main`. `append-`, `git-` and `build-` may stand before each.

    * `revision`: the short hash of the commit
    * `branch`: the branch that is built; `branch-unless-master`: only if it is another one than `master`
    * `commit-count`: the number of commits of all branches; `commit-count-branch`: of this one
    * `date`, `time`: of the build, as YYYYMMDD and HHMMSS
    * `mix-env`: the environment

  Several are separated by spaces, or joined by `+`. Where none is named, `AUTO_VERSION` names some, if it is set.

  ## Options

    * `-V`, `--verbose`: say what has changed
    * `-Q`, `--quiet`: say nothing, also with `--verbose`
    * `-D`, `--dry-run`: only say what would be changed
  """

  alias Edeliver.ReleaseVersion

  @switches [verbose: :boolean, quiet: :boolean, dry_run: :boolean]
  @aliases [V: :verbose, Q: :quiet, D: :dry_run]

  @impl true
  def run(arguments) do
    {switches, words, unknown} = OptionParser.parse(arguments, aliases: @aliases, strict: @switches)
    if unknown != [], do: Mix.raise("Unknown arguments for 'release.version' task: #{names(unknown)}")

    case ReleaseVersion.parse(words, System.get_env("AUTO_VERSION")) do
      :show -> Mix.shell().info(version() || "")
      {:ok, changes} -> change(changes, switches)
      {:error, message} -> Mix.raise(message)
    end
  end

  defp names(options), do: Enum.map_join(options, " ", &elem(&1, 0))

  defp version, do: Mix.Project.config()[:version]

  defp change(changes, switches) do
    # The root of an umbrella has none.
    old = version()
    new = old && ReleaseVersion.change(old, changes)
    report? = switches[:verbose] && !switches[:quiet]

    cond do
      old == nil -> if report?, do: Mix.shell().info("The project has no version that could be changed")
      switches[:dry_run] -> Mix.shell().info("Would update version from #{old} to #{new}")
      true -> update(new) && report? && Mix.shell().info("Changed release version from #{old} to #{new}")
    end

    :ok
  end

  # Mix has no function for it. Its stack of projects is a GenServer in later versions of Elixir, an Agent in older ones.
  defp update(version) do
    set = fn [project | others] -> [put_in(project.config[:version], version) | others] end
    Code.ensure_loaded(Mix.ProjectStack)

    if function_exported?(Mix.ProjectStack, :handle_call, 3) do
      GenServer.call(Mix.ProjectStack, {:update_stack, fn stack -> {:ok, set.(stack)} end})
    else
      Agent.update(Mix.ProjectStack, &Map.update!(&1, :stack, set))
    end

    true
  end
end
