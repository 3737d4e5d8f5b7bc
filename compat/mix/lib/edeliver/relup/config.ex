defmodule Edeliver.Relup.Config do
  @moduledoc "The release that a relup is for: with distillery its `%Distillery.Releases.Release{}`, with its `:name`."

  @type t :: term
end
