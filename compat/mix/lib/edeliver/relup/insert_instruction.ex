defmodule Edeliver.Relup.InsertInstruction do
  @moduledoc """
  Puts instructions to their place in a relup.

  Each function takes an `Edeliver.Relup.Instructions` or a list of instructions, and one new instruction or a list. Of an
  `Edeliver.Relup.Instructions` both ways are changed. Where the place is not to be found it is the end.

  A relup checks first (what fails before `:point_of_no_return` calls the upgrade off), and then acts (what fails after
  it has the node restart).
  """

  alias Edeliver.Relup.Instructions

  @type target :: Instructions.t() | Instructions.instructions()
  @type new :: Instructions.instruction() | Instructions.instructions()

  @doc "Last of what is checked. It runs twice: when the release is checked, and when it is installed."
  @spec insert_before_point_of_no_return(target, new) :: target
  def insert_before_point_of_no_return(target, new) do
    both(target, &before(&1, new, fn each -> each == :point_of_no_return end))
  end

  @doc "First of what is done."
  @spec insert_after_point_of_no_return(target, new) :: target
  def insert_after_point_of_no_return(target, new) do
    both(target, &behind(&1, new, fn each -> each == :point_of_no_return end))
  end

  @doc "Behind the last `:load_object_code`, and so first of what is checked."
  @spec insert_after_load_object_code(target, new) :: target
  def insert_after_load_object_code(target, new) do
    both(target, fn list ->
      {later, until_last} = list |> Enum.reverse() |> Enum.split_while(&(not load_object_code?(&1)))

      case until_last do
        [] -> list ++ List.wrap(new)
        _ -> Enum.reverse(until_last) ++ List.wrap(new) ++ Enum.reverse(later)
      end
    end)
  end

  @doc """
  After the point of no return, before anything that changes code, processes or applications. What loads the module of
  a runnable instruction, right before it, does not count.
  """
  @spec append_after_point_of_no_return(target, new) :: target
  def append_after_point_of_no_return(target, new) do
    both(target, fn list ->
      {checks, acts} = Enum.split_while(list, &(&1 != :point_of_no_return))
      {early, late} = split_before_change(acts, [])
      checks ++ early ++ List.wrap(new) ++ late
    end)
  end

  @doc "At the end."
  @spec append(target, new) :: target
  def append(target, new), do: both(target, &(&1 ++ List.wrap(new)))

  @doc "Before this instruction; on the way down behind it."
  @spec insert_before_instruction(target, new, Instructions.instruction()) :: target
  def insert_before_instruction(%Instructions{} = instructions, new, at) do
    %{
      instructions
      | up_instructions: insert_before_instruction(instructions.up_instructions, new, at),
        down_instructions: insert_after_instruction(instructions.down_instructions, new, at)
    }
  end

  def insert_before_instruction(list, new, at), do: before(list, new, &(&1 == at))

  @doc "Behind this instruction; on the way down before it."
  @spec insert_after_instruction(target, new, Instructions.instruction()) :: target
  def insert_after_instruction(%Instructions{} = instructions, new, at) do
    %{
      instructions
      | up_instructions: insert_after_instruction(instructions.up_instructions, new, at),
        down_instructions: insert_before_instruction(instructions.down_instructions, new, at)
    }
  end

  def insert_after_instruction(list, new, at), do: behind(list, new, &(&1 == at))

  @doc "Whether it starts or stops an application or the emulator."
  @spec modifies_applications?(Instructions.instruction()) :: boolean
  def modifies_applications?(instruction) do
    name(instruction) in [
      :add_application,
      :remove_application,
      :restart_application,
      :restart_new_emulator,
      :restart_emulator
    ]
  end

  @doc "Whether it loads, removes or purges code."
  @spec modifies_code?(Instructions.instruction()) :: boolean
  def modifies_code?(instruction) do
    name(instruction) in [:load_module, :add_module, :delete_module, :load, :remove, :purge]
  end

  @doc "Whether it starts, stops or converts processes."
  @spec modifies_processes?(Instructions.instruction()) :: boolean
  def modifies_processes?(instruction), do: name(instruction) in [:update, :code_change, :start, :stop]

  defp name(instruction) when is_tuple(instruction), do: elem(instruction, 0)
  defp name(instruction), do: instruction

  defp load_object_code?(instruction), do: name(instruction) == :load_object_code

  defp both(%Instructions{} = instructions, change) do
    %{
      instructions
      | up_instructions: change.(instructions.up_instructions),
        down_instructions: change.(instructions.down_instructions)
    }
  end

  defp both(list, change) when is_list(list), do: change.(list)

  defp before(list, new, at) do
    {earlier, later} = Enum.split_while(list, &(not at.(&1)))
    earlier ++ List.wrap(new) ++ later
  end

  defp behind(list, new, at) do
    case Enum.split_while(list, &(not at.(&1))) do
      {earlier, [found | later]} -> earlier ++ [found] ++ List.wrap(new) ++ later
      {all, []} -> all ++ List.wrap(new)
    end
  end

  defp split_before_change([load, {:apply, {module, :run, _}} = run | rest] = list, early) do
    cond do
      loads?(load, module) -> split_before_change(rest, [run, load | early])
      changes?(load) -> {Enum.reverse(early), list}
      true -> split_before_change([run | rest], [load | early])
    end
  end

  defp split_before_change([instruction | rest] = list, early) do
    if changes?(instruction) do
      {Enum.reverse(early), list}
    else
      split_before_change(rest, [instruction | early])
    end
  end

  defp split_before_change([], early), do: {Enum.reverse(early), []}

  defp changes?(instruction) do
    modifies_code?(instruction) or modifies_processes?(instruction) or modifies_applications?(instruction)
  end

  @doc false
  @spec loads?(Instructions.instruction(), module) :: boolean
  def loads?({:load, {module, _pre_purge, _post_purge}}, module), do: true

  def loads?(instruction, module) when is_tuple(instruction) and tuple_size(instruction) > 1 do
    elem(instruction, 0) in [:load_module, :add_module] and elem(instruction, 1) == module
  end

  def loads?(_instruction, _module), do: false

  @doc false
  @spec unloads?(Instructions.instruction(), module) :: boolean
  def unloads?({:remove, {module, _pre_purge, _post_purge}}, module), do: true
  def unloads?({:purge, [module]}, module), do: true
  def unloads?({:delete_module, module}, module), do: true
  def unloads?({:delete_module, module, _dependent_modules}, module), do: true
  def unloads?(_instruction, _module), do: false
end
