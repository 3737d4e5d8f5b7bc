defmodule Edeliver.Relup.ShiftInstruction do
  @moduledoc """
  Moves what loads a module before the instruction that needs it, and what unloads it behind that.

  Each function takes a list of instructions, which are those of one way, or an `Edeliver.Relup.Instructions`: then
  what holds for loading on the way up holds for unloading on the way down, and the other way round. Where the module
  or the instruction does not occur nothing is changed.
  """

  alias Edeliver.Relup.Instructions
  import Edeliver.Relup.InsertInstruction, only: [loads?: 2, unloads?: 2]

  @type target :: Instructions.t() | Instructions.instructions()
  @type runnable :: {:apply, {module, :run, [term]}}

  @doc "The module is loaded before this instruction."
  @spec ensure_module_loaded_before_instruction(target, Instructions.instruction(), module) :: target
  def ensure_module_loaded_before_instruction(target, instruction, module) do
    each_way(
      target,
      &load_before(&1, module, fn each -> each == instruction end),
      &unload_behind(&1, module, fn each -> each == instruction end)
    )
  end

  @doc "The module is unloaded behind this instruction, or the old one loaded again."
  @spec ensure_module_unloaded_after_instruction(target, Instructions.instruction(), module) :: target
  def ensure_module_unloaded_after_instruction(target, instruction, module) do
    each_way(
      target,
      &unload_behind(&1, module, fn each -> each == instruction end),
      &load_before(&1, module, fn each -> each == instruction end)
    )
  end

  @doc "The module of a runnable instruction is loaded before the first of its kind."
  @spec ensure_module_loaded_before_first_runnable_instructions(target, runnable) :: target
  def ensure_module_loaded_before_first_runnable_instructions(target, {:apply, {module, :run, _}} = runnable) do
    ensure_module_loaded_before_first_runnable_instructions(target, runnable, module)
  end

  @doc "The same for a module that the runnable instruction needs."
  @spec ensure_module_loaded_before_first_runnable_instructions(target, runnable, module) :: target
  def ensure_module_loaded_before_first_runnable_instructions(target, {:apply, {kind, :run, _}}, module) do
    each_way(target, &load_before(&1, module, of(kind)), &unload_behind(&1, module, of(kind)))
  end

  @doc "The module of a runnable instruction is unloaded behind the last of its kind."
  @spec ensure_module_unloaded_after_last_runnable_instruction(target, runnable) :: target
  def ensure_module_unloaded_after_last_runnable_instruction(target, {:apply, {module, :run, _}} = runnable) do
    ensure_module_unloaded_after_last_runnable_instruction(target, runnable, module)
  end

  @doc "The same for a module that the runnable instruction needs."
  @spec ensure_module_unloaded_after_last_runnable_instruction(target, runnable, module) :: target
  def ensure_module_unloaded_after_last_runnable_instruction(target, {:apply, {kind, :run, _}}, module) do
    each_way(target, &unload_behind(&1, module, of(kind)), &load_before(&1, module, of(kind)))
  end

  @doc "The first runnable instruction of this module."
  @spec first_runnable_instruction(Instructions.instructions(), module) :: runnable | :not_found
  def first_runnable_instruction(instructions, module), do: Enum.find(instructions, :not_found, of(module))

  defp of(module), do: &match?({:apply, {^module, :run, _}}, &1)

  defp each_way(%Instructions{} = instructions, up, down) do
    %{
      instructions
      | up_instructions: up.(instructions.up_instructions),
        down_instructions: down.(instructions.down_instructions)
    }
  end

  defp each_way(list, change, _) when is_list(list), do: change.(list)

  # What loads the module and comes too late goes before the first instruction that needs it.
  defp load_before(list, module, needs?) do
    {early, late} = Enum.split_while(list, &(not needs?.(&1)))
    {loads, rest} = Enum.split_with(late, &loads?(&1, module))
    early ++ loads ++ rest
  end

  # What takes the module away, or loads the old one, goes behind the last instruction that needs it.
  defp unload_behind(list, module, needs?) do
    {late, early} = list |> Enum.reverse() |> Enum.split_while(&(not needs?.(&1)))
    {moved, rest} = Enum.split_with(Enum.reverse(early), &(loads?(&1, module) or unloads?(&1, module)))
    rest ++ moved ++ Enum.reverse(late)
  end
end
