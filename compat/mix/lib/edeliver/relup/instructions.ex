defmodule Edeliver.Relup.Instructions do
  @moduledoc """
  The instructions of a [relup](http://www.erlang.org/doc/man/relup.html): those of the way up to the new version, and
  those of the way down to the old one. `Edeliver.Relup.Modification`s change them before they go into a release.
  """

  defstruct up_instructions: [],
            down_instructions: [],
            up_version: "",
            down_version: "",
            changed_modules: []

  @typedoc "A low-level [instruction](http://www.erlang.org/doc/man/appup.html)."
  @type instruction :: atom | tuple
  @type instructions :: [instruction]

  @typedoc "`changed_modules` are those that the way up loads."
  @type t :: %__MODULE__{
          up_instructions: instructions,
          down_instructions: instructions,
          up_version: String.t(),
          down_version: String.t(),
          changed_modules: [module]
        }
end
