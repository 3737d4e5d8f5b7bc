defmodule Edeliver.Relup.Instructions.SuspendRanchAcceptors do
  @moduledoc """
  Accepts no new connections during the upgrade: the processes that do are ended, since they cannot be suspended, until
  `Edeliver.Relup.Instructions.ResumeRanchAcceptors` starts them again.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.CheckRanchAcceptors

  def insert_where, do: &append_after_point_of_no_return/2

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors]

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Suspending ranch socket acceptors...")

    supervisor =
      application |> CheckRanchAcceptors.ranch_listener_sup() |> CheckRanchAcceptors.ranch_acceptors_sup()

    acceptors = CheckRanchAcceptors.ranch_acceptors(supervisor)
    ended = Enum.map(acceptors, &Supervisor.terminate_child(supervisor, &1))
    assume(true = Enum.all?(ended, &(&1 == :ok)), "Failed to suspend ranch socket acceptors.")
    info("Suspended #{length(acceptors)} ranch acceptors.")
  end
end
