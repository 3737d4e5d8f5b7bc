defmodule Edeliver.Relup.DefaultModification do
  @moduledoc "What is done with every relup: `Edeliver.Relup.Instructions.SoftPurge`."
  use Edeliver.Relup.Modification

  def modify_relup(%Instructions{} = instructions, config) do
    Edeliver.Relup.Instructions.SoftPurge.modify_relup(instructions, config)
  end

  def priority, do: priority_default()
end
