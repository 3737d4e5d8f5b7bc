defmodule Edeliver.Relup.Instructions.SuspendAppProcesses do
  @moduledoc "Changes nothing: it names the place in a modification where the relup suspends processes whose code has changed."
  use Edeliver.Relup.Instruction

  def modify_relup(%Instructions{} = instructions, _config), do: instructions
end
