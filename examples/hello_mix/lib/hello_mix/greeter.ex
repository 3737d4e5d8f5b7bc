defmodule HelloMix.Greeter do
  @moduledoc "Greets, and counts whom it has greeted."
  use GenServer

  def start_link(_options), do: GenServer.start_link(__MODULE__, 0, name: __MODULE__)

  @doc "Returns the greeting with the number of greetings so far."
  def greet(name), do: GenServer.call(__MODULE__, {:greet, name})

  @impl true
  def init(count), do: {:ok, count}

  @impl true
  def handle_call({:greet, name}, _from, count) do
    {:reply, {"Hello, #{name}, from #{HelloMix.version()}", count + 1}, count + 1}
  end
end
