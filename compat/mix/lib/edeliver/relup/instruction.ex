defmodule Edeliver.Relup.Instruction do
  @moduledoc """
  One change of a relup, as `Edeliver.Relup.Modification`s put together.

      defmodule Acme.Relup.LogUpgrade do
        use Edeliver.Relup.Instruction

        def modify_relup(instructions = %Instructions{}, _config) do
          append(instructions, {:apply, {:logger, :notice, ["upgraded"]}})
        end
      end

  `use` brings `Edeliver.Relup.InsertInstruction` and `Edeliver.Relup.ShiftInstruction` with it, and the alias
  `Instructions`. What is to run code in the node is an `Edeliver.Relup.RunnableInstruction`.
  """

  alias Edeliver.Relup.Instructions

  @typedoc "Puts instructions to where they belong among others: `&append/2`, for instance."
  @type insert_fun ::
          (Instructions.t()
           | Instructions.instructions(),
           Instructions.instruction()
           | Instructions.instructions() ->
             Instructions.t() | Instructions.instructions())

  @doc "Returns the instructions with the change."
  @callback modify_relup(Instructions.t(), Edeliver.Relup.Config.t()) :: Instructions.t()

  @doc false
  defmacro __using__(_options) do
    quote do
      @behaviour Edeliver.Relup.Instruction
      alias Edeliver.Relup.Instructions
      import Edeliver.Relup.InsertInstruction
      import Edeliver.Relup.ShiftInstruction
    end
  end
end
