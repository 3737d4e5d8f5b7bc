defmodule Edeliver.StartupProgress do
  @moduledoc """
  Tells which applications of a node have started, while it starts: `Started application 'NAME'.`

  `showing/1` does so for the caller of an rpc. The module can also be a report handler
  (`:error_logger.add_report_handler(Edeliver.StartupProgress)`): then it tells all hidden nodes whose name has
  `_maint_NUMBER` in it, as those have that carry the calls of distillery's start script.
  """

  @type state :: [] | pid

  @doc """
  Runs `wait`, and tells the caller meanwhile which applications start.
  """
  @spec showing((() -> result)) :: result when result: var
  def showing(wait) do
    caller = Process.group_leader()
    known = running()
    watcher = spawn_link(fn -> watch(caller, known) end)
    result = wait.()
    send(watcher, {:last_look, self()})

    receive do
      {:looked, ^watcher} -> result
    end
  end

  defp watch(caller, known) do
    now = running()
    Enum.each(now -- known, &print(caller, &1))

    receive do
      {:last_look, waiting} ->
        Enum.each(running() -- now, &print(caller, &1))
        send(waiting, {:looked, self()})
    after
      100 -> watch(caller, now)
    end
  end

  # In the order in which they have started.
  defp running, do: Enum.reverse(for {name, _, _} <- :application.which_applications(), do: name)

  defp print(device, application), do: :io.format(device, ~c"Started application '~w'.~n", [application])

  @doc false
  @spec init(state) :: {:ok, state}
  def init(state), do: {:ok, state}

  @doc "Tells of each application that a progress report of this node is about."
  @spec handle_event({atom, pid, term}, state) :: {:ok, state}
  def handle_event({_kind, leader, _report}, state) when node(leader) != node(), do: {:ok, state}

  def handle_event({:info_report, _leader, {_pid, :progress, report}}, state) do
    if report[:started_at] && report[:application], do: tell(report[:application])
    {:ok, state}
  end

  def handle_event(_event, state), do: {:ok, state}

  @doc false
  def handle_info(_message, state), do: {:ok, state}

  @doc false
  def handle_call(_request, state), do: {:ok, {:error, :bad_query}, state}

  @doc false
  def terminate(_reason, _state), do: :ok

  defp tell(application) do
    for node <- Node.list(:hidden), to_string(node) =~ ~r/_maint_\d+/ do
      :rpc.cast(node, :io, :format, [:user, ~c"Started application '~w'.~n", [application]])
    end
  end
end
