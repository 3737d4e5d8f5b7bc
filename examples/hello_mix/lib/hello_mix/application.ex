defmodule HelloMix.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    Supervisor.start_link([HelloMix.Greeter], strategy: :one_for_one, name: HelloMix.Supervisor)
  end
end
