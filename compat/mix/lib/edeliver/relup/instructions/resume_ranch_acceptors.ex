defmodule Edeliver.Relup.Instructions.ResumeRanchAcceptors do
  @moduledoc "Accepts connections again, after `Edeliver.Relup.Instructions.SuspendRanchAcceptors`."
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.CheckRanchAcceptors

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors]

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Resuming ranch socket acceptors...")

    supervisor =
      application |> CheckRanchAcceptors.ranch_listener_sup() |> CheckRanchAcceptors.ranch_acceptors_sup()

    acceptors = CheckRanchAcceptors.ranch_acceptors(supervisor)
    started = Enum.map(acceptors, &Supervisor.restart_child(supervisor, &1))
    assume(true = Enum.all?(started, &(elem(&1, 0) == :ok)), "Failed to start ranch socket acceptors.")
    info("Resumed #{length(acceptors)} ranch acceptors.")
  end
end
