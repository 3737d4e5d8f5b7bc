defmodule Edeliver.Relup.Instructions.CodeChangeOnAppProcesses do
  @moduledoc "Changes nothing: it names the place in a modification where the relup converts the state of processes whose code has changed."
  use Edeliver.Relup.Instruction

  def modify_relup(%Instructions{} = instructions, _config), do: instructions
end
