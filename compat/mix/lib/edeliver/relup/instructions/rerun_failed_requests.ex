defmodule Edeliver.Relup.Instructions.RerunFailedRequests do
  @moduledoc """
  Sends requests `:upgrade_finished`, so that those that failed while code was loaded are run again, where Phoenix can
  do that. To be used after `Edeliver.Relup.Instructions.FinishRunningRequests`.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.{CheckRanchAcceptors, CheckRanchConnections, FinishRunningRequests}

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors, CheckRanchConnections, FinishRunningRequests]

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Notifying running requests that new code was loaded...")

    case FinishRunningRequests.requests(application) do
      [] ->
        info("No requests to notify.")

      requests ->
        info("#{length(requests)} requests will be run again if they failed.")
        FinishRunningRequests.notify_running_requests(requests, :upgrade_finished)
    end
  end
end
