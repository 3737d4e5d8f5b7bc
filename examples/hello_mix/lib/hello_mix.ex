defmodule HelloMix do
  @moduledoc "A small application to build and deploy."

  @doc "The version of the running application, as a string."
  def version do
    :hello_mix |> Application.spec(:vsn) |> to_string()
  end
end
