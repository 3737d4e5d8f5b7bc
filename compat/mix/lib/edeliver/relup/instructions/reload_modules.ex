defmodule Edeliver.Relup.Instructions.ReloadModules do
  @moduledoc "Changes nothing: it names the place in a modification where the relup loads the changed modules."
  use Edeliver.Relup.Instruction

  def modify_relup(%Instructions{} = instructions, _config), do: instructions
end
