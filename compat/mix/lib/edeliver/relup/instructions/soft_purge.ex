defmodule Edeliver.Relup.Instructions.SoftPurge do
  @moduledoc """
  Has the upgrade refused where processes run old code, rather than have them killed: `:soft_purge` in place of
  `:brutal_purge` before code is loaded or removed.
  """
  use Edeliver.Relup.Instruction

  def modify_relup(%Instructions{} = instructions, _config) do
    %{
      instructions
      | up_instructions: Enum.map(instructions.up_instructions, &soft/1),
        down_instructions: Enum.map(instructions.down_instructions, &soft/1)
    }
  end

  defp soft({name, {module, :brutal_purge, after_it}}) when name in [:load, :remove] do
    {name, {module, :soft_purge, after_it}}
  end

  defp soft({:load_module, module, :brutal_purge, after_it, needed}) do
    {:load_module, module, :soft_purge, after_it, needed}
  end

  # What comes before it differs; the purge before, the purge after and the needed modules are the last three.
  defp soft(update) when elem(update, 0) == :update and tuple_size(update) >= 6 do
    before = tuple_size(update) - 3
    if elem(update, before) == :brutal_purge, do: put_elem(update, before, :soft_purge), else: update
  end

  defp soft(instruction), do: instruction
end
