defmodule Mix.Tasks.Edeliver do
  use Mix.Task

  @shortdoc "Builds and deploys releases"

  @moduledoc """
  Builds and deploys releases with the program `edeliver`.

      mix edeliver build release
      mix edeliver deploy release to production --start-deploy
      mix edeliver help

  All arguments go to the program as they are, with `--runs-as-mix-task` behind them; its exit status is that
  of Mix. It has Mix's terminal: it can ask and show progress, and ctrl-c reaches it.

  The program is the one that `EDELIVER_BIN` names, the one in this package (`priv/edeliver`), the one built in the
  checkout that this package is a part of, or the one in the `PATH`.
  """

  alias Edeliver.Terminal

  @impl true
  def run(arguments) do
    program = Path.join([package(), "bin", "edeliver"])

    case Terminal.run("sh", [program | arguments] ++ ["--runs-as-mix-task"]) do
      0 -> :ok
      status -> System.halt(status)
    end
  end

  defp package do
    Map.get(Mix.Project.deps_paths(), :edeliver) || Path.expand("../../..", __DIR__)
  end
end
