defmodule Edeliver.Relup.Instructions.Sleep do
  @moduledoc """
  Waits some seconds (30) before anything changes, to try out instructions that suspend something.

      Sleep.modify_relup(instructions, config, 10)
  """
  use Edeliver.Relup.RunnableInstruction

  @spec modify_relup(Instructions.t(), Edeliver.Relup.Config.t(), integer) :: Instructions.t()
  def modify_relup(%Instructions{} = instructions, _config, seconds \\ 30) do
    runnable = call_this(max(0, seconds))

    insert_where().(instructions, runnable)
    |> ensure_module_loaded_before_instruction(runnable, __MODULE__)
  end

  def insert_where, do: &append_after_point_of_no_return/2

  @doc "Runs in the node, and counts the seconds where `bin/APP upgrade` was called by hand."
  @spec run(non_neg_integer) :: :ok
  def run(seconds) do
    Logger.info("Waiting #{seconds} seconds...")
    count(seconds)
    format_in_upgrade_script(~c"\r---> Waited ~b seconds.                  ~n", [seconds])
    Logger.info("Waited #{seconds} seconds.")
  end

  defp count(0), do: :ok

  defp count(seconds) do
    format_in_upgrade_script(~c"\r---> Waiting ~b seconds...               ", [seconds])
    Process.sleep(1000)
    count(seconds - 1)
  end
end
