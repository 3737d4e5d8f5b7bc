defmodule Edeliver.ProgramTest do
  use ExUnit.Case, async: true

  # A project with a copy of this package, and a program that says how it is called.
  setup do
    dir = Path.join(System.tmp_dir!(), "program-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(dir) end)
    package = Path.join(dir, "package")
    File.mkdir_p!(Path.join(dir, "tools"))
    File.mkdir_p!(package)
    for entry <- ~w(bin lib src mix.exs), do: File.cp_r!(entry, Path.join(package, entry))
    File.mkdir_p!(Path.join(dir, "project"))

    File.write!(Path.join(dir, "project/mix.exs"), """
    defmodule App.MixProject do
      use Mix.Project
      def project, do: [app: :app, version: "1.2.3", deps: [{:edeliver, path: "../package"}]]
    end
    """)

    {:ok, dir: dir, package: package}
  end

  defp program(file, status \\ 0) do
    File.mkdir_p!(Path.dirname(file))

    File.write!(
      file,
      "#!/bin/sh\nprintf '%s' \"$0:\"\nprintf ' [%s]' \"$@\"\necho\necho told >&2\nexit #{status}\n"
    )

    File.chmod!(file, 0o755)
  end

  defp find(package, arguments, environment) do
    environment = Enum.into(environment, %{"EDELIVER_BIN" => nil, "PATH" => "/usr/bin:/bin"})
    System.cmd(Path.join(package, "bin/edeliver"), arguments, env: environment, stderr_to_stdout: true)
  end

  test "the program is looked for in this order", %{dir: dir, package: package} do
    path = "#{package}/bin:#{dir}/tools:/usr/bin:/bin"
    assert {told, 2} = find(package, [], %{"PATH" => "#{package}/bin:/usr/bin:/bin"})
    assert told =~ "Error: there is no program edeliver"
    assert told =~ "#{package}/priv/edeliver"
    assert told =~ "Hint: install it with"

    program(Path.join(dir, "tools/edeliver"))
    assert {told, 0} = find(package, ["a b", "", "*"], %{"PATH" => path})
    assert told =~ "#{dir}/tools/edeliver: [a b] [] [*]"

    program(Path.join(package, "../../target/debug/edeliver"))
    refute elem(find(package, [], %{"PATH" => path}), 0) =~ "target"

    program(Path.join(package, "priv/edeliver"))
    assert elem(find(package, [], %{"PATH" => path}), 0) =~ "#{package}/priv/edeliver:"

    program(Path.join(dir, "own"), 7)
    assert {told, 7} = find(package, [], %{"PATH" => path, "EDELIVER_BIN" => Path.join(dir, "own")})
    assert told =~ "#{dir}/own:"
    assert {told, 2} = find(package, [], %{"EDELIVER_BIN" => Path.join(dir, "missing")})
    assert told =~ "missing, and that cannot be run"
  end

  # On a terminal, with ctrl-c: tests/mix_package.rs of the program.
  test "mix hands over the arguments, the streams and the status", %{dir: dir} do
    own = Path.join(dir, "own")
    program(own, 3)

    mix =
      &System.cmd("mix", ["edeliver" | &1],
        cd: Path.join(dir, "project"),
        env: [{"EDELIVER_BIN", own}],
        stderr_to_stdout: true
      )

    assert {output, 3} = mix.(["deploy", "--option=a b", "$HOME", ""])
    assert output =~ "#{own}: [deploy] [--option=a b] [$HOME] [] [--runs-as-mix-task]\ntold\n"

    program(own)

    assert {output, 0} =
             System.cmd("mix", ["do", "edeliver", "one,", "edeliver", "two"],
               cd: Path.join(dir, "project"),
               env: [{"EDELIVER_BIN", own}],
               stderr_to_stdout: true
             )

    assert output =~ "[one] [--runs-as-mix-task]"

    File.write!(own, "#!/bin/sh\nkill -s TERM $$\n")
    assert {_, 143} = mix.([])
  end
end
