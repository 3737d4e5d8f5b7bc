defmodule Edeliver.Relup.Instructions.FinishRunningRequests do
  @moduledoc """
  Gives running requests half a second to finish. Those that do not are sent `:upgrade_started`, so that they can be run
  again after a failure; see `Edeliver.Relup.Instructions.RerunFailedRequests`.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.{CheckRanchAcceptors, CheckRanchConnections}

  @patience 500

  def insert_where, do: &append_after_point_of_no_return/2

  @doc "The name of the application, and for how many milliseconds requests are waited for."
  def arguments(%Instructions{}, %{name: name}), do: {CheckRanchAcceptors.application(name), @patience}

  def dependencies, do: [CheckRanchAcceptors, CheckRanchConnections]

  @doc "Waits up to so many milliseconds for the end of processes, and returns those that still run."
  @spec bulk_wait_for_termination([pid], non_neg_integer) :: [pid]
  def bulk_wait_for_termination(processes, timeout) do
    deadline = now() + timeout
    monitors = for process <- processes, do: {process, Process.monitor(process)}
    for {process, monitor} <- monitors, not ended?(monitor, deadline), do: process
  end

  defp ended?(monitor, deadline) do
    receive do
      {:DOWN, ^monitor, :process, _, _} -> true
    after
      max(0, deadline - now()) ->
        Process.demonitor(monitor, [:flush])
        false
    end
  end

  defp now, do: System.monotonic_time(:millisecond)

  @doc "Sends an event to the processes of requests."
  @spec notify_running_requests([pid], term) :: :ok
  def notify_running_requests(requests, event), do: Enum.each(requests, &send(&1, event))

  @doc false
  @spec requests(atom) :: [pid]
  def requests(application) do
    connections = CheckRanchConnections.connections(application)

    case CheckRanchConnections.websocket_channel_connections(application, connections) do
      :not_detected -> connections
      websockets -> connections -- websockets
    end
  end

  @doc "Runs in the node."
  @spec run({atom, non_neg_integer}) :: :ok
  def run({application, timeout}) do
    info("Waiting up to #{timeout} ms until running requests finished...")

    case requests(application) do
      [] ->
        info("No requests running.")

      requests ->
        remaining = bulk_wait_for_termination(requests, timeout)
        info("#{length(requests) - length(remaining)} requests finished.")

        if remaining != [],
          do: info("#{length(remaining)} requests will be run again after the upgrade if they fail.")

        notify_running_requests(remaining, :upgrade_started)
    end
  end
end
