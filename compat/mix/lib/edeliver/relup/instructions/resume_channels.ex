defmodule Edeliver.Relup.Instructions.ResumeChannels do
  @moduledoc """
  Has the websockets of channels go on, after `Edeliver.Relup.Instructions.SuspendChannels`. To be used before
  `Edeliver.Relup.Instructions.ResumeRanchAcceptors`, which brings new ones.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.{CheckRanchAcceptors, CheckRanchConnections, SuspendChannels}

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors, CheckRanchConnections, SuspendChannels]

  @doc "Resumes processes, all at once. The time limit is that of each, in milliseconds."
  @spec bulk_resume([pid], timeout) :: SuspendChannels.result()
  def bulk_resume(processes, timeout \\ 1000), do: SuspendChannels.bulk(processes, &:sys.resume(&1, timeout))

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Resuming phoenix websocket channels...")
    connections = CheckRanchConnections.connections(application)

    case CheckRanchConnections.websocket_channel_connections(application, connections) do
      :not_detected -> warn("Cannot detect websocket channel connections: none was suspended.")
      [] -> info("No websocket connections for phoenix channels are running.")
      websockets -> tell(bulk_resume(websockets), length(websockets))
    end
  end

  defp tell(:ok, count), do: info("Resumed #{count} websocket connections.")

  defp tell(:not_supported, _count),
    do: warn("Resuming websocket connections for phoenix channels is not supported.")

  defp tell({:errors, failed, _}, count) do
    warn("Resumed #{count - failed} of #{count} websocket connections. #{failed} failed, and might hang.")
  end
end
