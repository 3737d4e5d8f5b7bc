defmodule Edeliver.Relup.Instructions.CheckRanchConnections do
  @moduledoc """
  Calls the upgrade off where the connections of the web server are not found, so that the instructions that suspend or
  notify them will find them. That websockets of channels cannot be told from requests is only warned of: this needs the
  `Phoenix.PubSub.PG2` of Phoenix up to 1.4.
  """
  use Edeliver.Relup.RunnableInstruction
  alias Edeliver.Relup.Instructions.CheckRanchAcceptors

  def insert_where, do: &insert_before_point_of_no_return/2

  def arguments(%Instructions{}, %{name: name}), do: CheckRanchAcceptors.application(name)

  def dependencies, do: [CheckRanchAcceptors]

  @doc "The supervisor of the connections."
  @spec ranch_connections_sup(pid) :: pid
  def ranch_connections_sup(listener) do
    assume(
      {_, pid, _, _} = CheckRanchAcceptors.find(listener, &connections_sup?/1),
      "Cannot find the web server: ranch has no connections."
    )

    pid
  end

  # Ranch 2 has one supervisor of several.
  defp connections_sup?({id, _, _, _}), do: id in [:ranch_conns_sup, :ranch_conns_sup_sup]

  @doc "The processes of the connections."
  @spec ranch_connections(pid) :: [pid]
  def ranch_connections(supervisor) do
    Enum.flat_map(Supervisor.which_children(supervisor), fn
      {_, pid, _, [:ranch_conns_sup]} when is_pid(pid) -> ranch_connections(pid)
      {_, pid, _, _} when is_pid(pid) -> [pid]
      _ -> []
    end)
  end

  @doc false
  @spec connections(atom) :: [pid]
  def connections(application) do
    application |> CheckRanchAcceptors.ranch_listener_sup() |> ranch_connections_sup() |> ranch_connections()
  end

  @doc """
  Those of the connections that are websockets of channels: a process that one of them is linked to is watched by the
  `Phoenix.PubSub.Local` of the endpoint.
  """
  @spec websocket_channel_connections(atom, [pid]) :: [pid] | :not_detected
  def websocket_channel_connections(application, connections) do
    ids = [Phoenix.PubSub.PG2, Phoenix.PubSub.LocalSupervisor, 0, Phoenix.PubSub.Local]

    with pid when is_pid(pid) <- descend(CheckRanchAcceptors.endpoint(application), ids),
         {:monitors, monitors} <- Process.info(pid, :monitors) do
      watched = for {:process, process} <- monitors, do: process
      Enum.filter(connections, &linked_to_any?(&1, watched))
    else
      _ -> :not_detected
    end
  end

  # The only child of that id, and so on.
  defp descend(pid, []), do: pid

  defp descend(supervisor, [id | ids]) do
    case for({^id, pid, _, _} <- Supervisor.which_children(supervisor), is_pid(pid), do: pid) do
      [pid] -> descend(pid, ids)
      _ -> nil
    end
  end

  defp linked_to_any?(connection, processes) do
    case Process.info(connection, :links) do
      {:links, links} -> Enum.any?(links, &(&1 in processes))
      nil -> false
    end
  end

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Checking whether ranch socket connections can be found...")
    connections = connections(application)
    info("Found #{length(connections)} ranch connections.")

    case websocket_channel_connections(application, connections) do
      :not_detected ->
        warn("Cannot detect websocket channel connections.")
        debug("They are treated as requests. Only those of Phoenix.PubSub.PG2 are detected.")

      websockets ->
        info("#{length(websockets)} of them are websocket channel connections.")
    end
  end
end
