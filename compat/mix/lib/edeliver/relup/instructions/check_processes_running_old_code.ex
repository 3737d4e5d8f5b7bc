defmodule Edeliver.Relup.Instructions.CheckProcessesRunningOldCode do
  @moduledoc """
  Calls the upgrade off where a module that it loads has old code from an upgrade before: the node could not load a
  third version without ending the processes that run the first.
  """
  use Edeliver.Relup.RunnableInstruction

  def insert_where, do: &insert_before_point_of_no_return/2

  @doc "The modules that the upgrade loads."
  def arguments(%Instructions{up_instructions: instructions}, _config) do
    Enum.flat_map(instructions, fn
      {:load_object_code, {_application, _version, modules}} -> modules
      _ -> []
    end)
  end

  @doc "Runs in the node."
  @spec run([module]) :: :ok
  def run(modules) do
    info("Validating that no process runs old code before upgrading...")

    case Enum.filter(modules, &:erlang.check_old_code/1) do
      [] -> info("None of #{length(modules)} modules have old code.")
      old -> throw({:error, {:running_old_code, old}})
    end
  end
end
