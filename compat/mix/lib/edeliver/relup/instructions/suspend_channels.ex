defmodule Edeliver.Relup.Instructions.SuspendChannels do
  @moduledoc """
  Suspends the websockets of channels during the upgrade, where they can be told from requests (see
  `Edeliver.Relup.Instructions.CheckRanchConnections`), until `Edeliver.Relup.Instructions.ResumeChannels`.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.{CheckRanchAcceptors, CheckRanchConnections}

  @typedoc "`:not_supported` when none of the processes understands system messages."
  @type result :: :ok | :not_supported | {:errors, pos_integer, [{pid, reason :: term}]}

  def insert_where, do: &append_after_point_of_no_return/2

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors, CheckRanchConnections]

  @doc "Suspends processes, all at once. The time limit is that of each, in milliseconds."
  @spec bulk_suspend([pid], timeout) :: result
  def bulk_suspend(processes, timeout \\ 1000), do: bulk(processes, &:sys.suspend(&1, timeout))

  @doc false
  @spec bulk([pid], (pid -> :ok)) :: result
  def bulk(processes, act) do
    # Not linked: the end of one is to be told, not to be ours.
    started = for process <- processes, do: {process, spawn_monitor(fn -> act.(process) end)}

    ends =
      for {process, {_, monitor}} <- started do
        receive do
          {:DOWN, ^monitor, :process, _, reason} -> {process, reason}
        end
      end

    errors = for {process, reason} <- ends, reason != :normal, do: {process, reason}

    cond do
      errors == [] -> :ok
      length(errors) == length(processes) and Enum.all?(errors, &deaf?/1) -> :not_supported
      true -> {:errors, length(errors), errors}
    end
  end

  defp deaf?({_, {reason, {:sys, _, _}}}), do: reason in [:noproc, :timeout]
  defp deaf?(_error), do: false

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Suspending phoenix websocket channels...")
    connections = CheckRanchConnections.connections(application)

    case CheckRanchConnections.websocket_channel_connections(application, connections) do
      :not_detected -> warn("Cannot detect websocket channel connections: they are treated as requests.")
      [] -> info("No websocket connections for phoenix channels are running.")
      websockets -> tell(bulk_suspend(websockets), length(websockets))
    end
  end

  defp tell(:ok, count), do: info("Suspended #{count} websocket connections.")

  defp tell(:not_supported, _count) do
    warn("Suspending websocket connections for phoenix channels is not supported.")
  end

  defp tell({:errors, failed, _}, count) do
    warn("Suspended #{count - failed} of #{count} websocket connections. #{failed} failed, and might crash.")
  end
end
