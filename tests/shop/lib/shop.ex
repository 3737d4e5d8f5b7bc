defmodule Shop do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    Process.sleep(String.to_integer(System.get_env("SHOP_START_TAKES", "0")))
    Supervisor.start_link([], strategy: :one_for_one, name: Shop.Supervisor)
  end
end
