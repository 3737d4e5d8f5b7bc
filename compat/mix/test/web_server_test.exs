defmodule Edeliver.WebServerTest do
  use ExUnit.Case
  alias Edeliver.Relup.Instructions.{CheckProcessesRunningOldCode, CheckRanchAcceptors, CheckRanchConnections}
  alias Edeliver.Relup.Instructions.{FinishRunningRequests, RerunFailedRequests, ResumeChannels}
  alias Edeliver.Relup.Instructions.{ResumeRanchAcceptors, SuspendChannels, SuspendRanchAcceptors}

  @moduletag :capture_log

  # An application whose supervisors are like those of Phoenix and ranch.
  defmodule Web do
    use Application

    def start(_, _),
      do: supervise(:top, [sup(Web.Endpoint, Web.Endpoint, [sup(:listener, :ranch_listener_sup, ranch())])])

    defp ranch do
      acceptors = for n <- 1..3, do: worker({:acceptor, self(), n})

      [
        sup(:ranch_conns_sup, :ranch_conns_sup, [worker(:cowboy_clear)]),
        sup(:ranch_acceptors_sup, :ranch_acceptors_sup, acceptors)
      ]
    end

    def supervise(_, children), do: Supervisor.start_link(children, strategy: :one_for_one)
    defp sup(id, module, children), do: spec(id, {Web, :supervise, [id, children]}, :supervisor, [module])
    defp worker(id), do: spec(id, {Agent, :start_link, [fn -> [] end]}, :worker, [])
    defp spec(id, start, type, modules), do: %{id: id, start: start, type: type, modules: modules}

    defmodule Endpoint do
      def url, do: ""
      def static_url, do: ""
      def path(_), do: ""
      def static_path(_), do: ""
    end
  end

  setup do
    :ok =
      :application.load(
        {:application, :web, [mod: {Web, []}, applications: [], vsn: '1', modules: [], registered: []]}
      )

    :ok = Application.start(:web)

    on_exit(fn ->
      Application.stop(:web)
      :application.unload(:web)
    end)
  end

  defp acceptors do
    supervisor = :web |> CheckRanchAcceptors.ranch_listener_sup() |> CheckRanchAcceptors.ranch_acceptors_sup()
    for {_, pid, _, _} <- Supervisor.which_children(supervisor), do: pid
  end

  test "acceptors are found, ended and started again" do
    assert CheckRanchAcceptors.run(:web) == :ok
    assert Enum.all?(acceptors(), &is_pid/1)
    assert SuspendRanchAcceptors.run(:web) == :ok
    assert acceptors() == [:undefined, :undefined, :undefined]
    assert ResumeRanchAcceptors.run(:web) == :ok
    assert Enum.all?(acceptors(), &is_pid/1)
  end

  test "connections are found, waited for and notified" do
    assert CheckRanchConnections.run(:web) == :ok
    assert [connection] = CheckRanchConnections.connections(:web)
    assert CheckRanchConnections.websocket_channel_connections(:web, [connection]) == :not_detected
    :erlang.trace(connection, true, [:receive])
    assert FinishRunningRequests.run({:web, 50}) == :ok
    assert_receive {:trace, ^connection, :receive, :upgrade_started}
    assert RerunFailedRequests.run(:web) == :ok
    assert_receive {:trace, ^connection, :receive, :upgrade_finished}
    assert SuspendChannels.run(:web) == :ok
    assert ResumeChannels.run(:web) == :ok
  end

  test "what is not there calls the upgrade off" do
    Application.stop(:web)

    assert catch_throw(CheckRanchAcceptors.run(:web)) ==
             {:error, 'Cannot find the web server: the application web does not run.'}
  end

  test "processes are suspended and resumed, and errors told" do
    {:ok, one} = Agent.start_link(fn -> :state end)
    assert SuspendChannels.bulk_suspend([one]) == :ok
    assert catch_exit(Agent.get(one, & &1, 50))
    assert ResumeChannels.bulk_resume([one]) == :ok
    assert Agent.get(one, & &1) == :state
    gone = spawn(fn -> :ok end)
    assert SuspendChannels.bulk_suspend([gone], 100) == :not_supported
    assert {:errors, 1, [{^gone, _}]} = SuspendChannels.bulk_suspend([one, gone], 100)
  end

  test "requests that end are not waited for any longer" do
    short = spawn(fn -> Process.sleep(20) end)
    long = spawn(fn -> Process.sleep(5000) end)
    assert FinishRunningRequests.bulk_wait_for_termination([short], 5000) == []
    assert FinishRunningRequests.bulk_wait_for_termination([short, long], 50) == [long]
  end

  test "modules with old code call the upgrade off" do
    {:module, module, beam, _} =
      defmodule Twice do
      end

    assert CheckProcessesRunningOldCode.run([module]) == :ok
    :code.load_binary(module, 'twice', beam)
    assert catch_throw(CheckProcessesRunningOldCode.run([module])) == {:error, {:running_old_code, [module]}}
  end
end
