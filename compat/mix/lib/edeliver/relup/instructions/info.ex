defmodule Edeliver.Relup.Instructions.Info do
  @moduledoc """
  Logs a message in the node, and prints it where `bin/APP upgrade` was called by hand.

      Info.modify_relup(instructions, config, "going up", "going down", &append/2)
  """
  use Edeliver.Relup.RunnableInstruction

  @spec modify_relup(
          Instructions.t(),
          Edeliver.Relup.Config.t(),
          String.t(),
          String.t(),
          Edeliver.Relup.Instruction.insert_fun()
        ) :: Instructions.t()
  def modify_relup(
        %Instructions{} = instructions,
        _config,
        up \\ "",
        down \\ "",
        insert_where \\ &append_after_point_of_no_return/2
      ) do
    {up, down} = {call_this(up), call_this(down)}

    %{
      instructions
      | up_instructions:
          instructions.up_instructions
          |> insert_where.(up)
          |> ensure_module_loaded_before_first_runnable_instructions(up),
        down_instructions:
          instructions.down_instructions
          |> insert_where.(down)
          |> ensure_module_unloaded_after_last_runnable_instruction(down)
    }
  end

  @doc "Runs in the node."
  @spec run(String.t()) :: :ok
  def run(message) do
    Logger.info(message)
    format_in_upgrade_script(~c"~ts~n", [message])
  end
end
