defmodule Edeliver.Relup.Modification do
  @moduledoc """
  Changes the relup of an upgrade before it goes into the release.

      defmodule Acme.Relup.Modification do
        use Edeliver.Relup.Modification

        def modify_relup(instructions = %Instructions{}, config) do
          instructions
          |> Edeliver.Relup.DefaultModification.modify_relup(config)
          |> Acme.Relup.Announce.modify_relup(config)
        end
      end

  One modification is used: the one that `--relup-mod=` names, else, among those that are usable, the one with the highest
  priority: as a rule your own, else `Edeliver.Relup.PhoenixModification` for Phoenix, else
  `Edeliver.Relup.DefaultModification`. `--skip-relup-mod` uses none.
  """

  alias Edeliver.Relup.Instructions

  @doc "Returns the instructions as they are to be."
  @callback modify_relup(Instructions.t(), Edeliver.Relup.Config.t()) :: Instructions.t()

  @doc "The higher is used."
  @callback priority() :: non_neg_integer

  @doc "Whether it is for the project that is built."
  @callback usable?(Edeliver.Relup.Config.t()) :: boolean

  @doc "The priority of edeliver's own modifications."
  @spec priority_default() :: 1
  def priority_default, do: 1

  @doc "The priority of modifications of a project, unless they say another."
  @spec priority_user() :: 1000
  def priority_user, do: 1000

  @doc "Lower than edeliver's own, for a modification that is not to be used at present."
  @spec priority_none() :: 0
  def priority_none, do: 0

  @doc false
  defmacro __using__(_options) do
    quote do
      @behaviour Edeliver.Relup.Modification
      alias Edeliver.Relup.Instructions
      import Edeliver.Relup.Modification, only: [priority_default: 0, priority_user: 0, priority_none: 0]

      @doc "The modification with the highest priority is used."
      def priority, do: priority_user()

      @doc "Whether it is for the project that is built."
      def usable?(_config), do: true

      defoverridable priority: 0, usable?: 1
    end
  end
end
