defmodule Mix.Tasks.Release.VersionTest do
  use ExUnit.Case, async: true

  # A project with this package, in a git repository, and mix running in it.
  setup do
    dir = Path.join(System.tmp_dir!(), "release-version-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(dir) end)
    File.mkdir_p!(Path.join(dir, "lib"))
    File.write!(Path.join(dir, "lib/app.ex"), "defmodule App do\nend\n")

    File.write!(Path.join(dir, "mix.exs"), """
    defmodule App.MixProject do
      use Mix.Project
      def project, do: [app: :app, version: "1.2.3", deps: [{:edeliver, path: #{inspect(File.cwd!())}}]]
    end
    """)

    git(dir, ["init", "--quiet", "--initial-branch", "feature/xyz"])
    git(dir, ["add", "mix.exs", "lib"])

    git(dir, ["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "first"])

    {:ok, dir: dir, revision: git(dir, ["rev-parse", "--short", "HEAD"])}
  end

  defp git(dir, arguments) do
    {output, 0} = System.cmd("git", arguments, cd: dir, stderr_to_stdout: true)
    String.trim(output)
  end

  defp mix(dir, arguments, env \\ []) do
    env = [{"MIX_ENV", "prod"}, {"AUTO_VERSION", nil}, {"BRANCH", nil} | env]
    System.cmd("mix", arguments, cd: dir, env: env, stderr_to_stdout: true)
  end

  defp built(dir) do
    {:ok, [{:application, :app, keys}]} =
      :file.consult(to_charlist(Path.join(dir, "_build/prod/lib/app/ebin/app.app")))

    to_string(keys[:vsn])
  end

  test "the version is that of what is compiled in the same run", %{dir: dir, revision: revision} do
    assert {"1.2.3\n", 0} = last_line(mix(dir, ["release.version", "show"]))

    assert {output, 0} =
             mix(dir, [
               "do" | String.split("clean, release.version minor commit-count revision branch -V, compile")
             ])

    assert output =~ "Changed release version from 1.2.3 to 1.3.0+1-#{revision}-featurexyz\n"
    assert built(dir) == "1.3.0+1-#{revision}-featurexyz"

    environment = [{"AUTO_VERSION", "branch"}, {"BRANCH", "other"}]

    assert {output, 0} =
             mix(dir, ["do" | String.split("clean, release.version set 2.0.0, compile")], environment)

    refute output =~ "release version"
    assert built(dir) == "2.0.0+other"

    assert {"Would update version from 1.2.3 to 2.0.0+prod\n", 0} =
             last_line(mix(dir, ~w(release.version major mix-env --dry-run)))

    assert {output, 1} = mix(dir, ~w(release.version))
    assert output =~ "No arguments passed to 'release.version' task"
    assert {output, 1} = mix(dir, ~w(release.version major --nosuch))
    assert output =~ "Unknown arguments for 'release.version' task: --nosuch"
    # Nothing of it stays.
    assert {"1.2.3\n", 0} = last_line(mix(dir, ["release.version", "show"]))
  end

  defp last_line({output, status}),
    do: {output |> String.split("\n", trim: true) |> List.last() |> Kernel.<>("\n"), status}
end
