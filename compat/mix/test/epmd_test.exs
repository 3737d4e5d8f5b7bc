defmodule EdeliverEpmdTest do
  use ExUnit.Case, async: true

  # Two nodes without epmd, each on a port of its own.
  test "nodes find each other by the ports they are named with" do
    {listen, other} = {free_port(), free_port()}
    script = "receive after infinity -> ok end."
    arguments = node_arguments("one@127.0.0.1") ++ ["-noshell", "-eval", script]
    environment = [{'ERL_DIST_PORT', '#{listen}'}, {'EDELIVER_NODES', 'two@127.0.0.1:#{other}'}]

    port =
      Port.open({:spawn_executable, System.find_executable("erl")}, [
        :binary,
        args: arguments,
        env: environment
      ])

    {:os_pid, pid} = Port.info(port, :os_pid)
    on_exit(fn -> System.cmd("kill", ["-s", "KILL", "#{pid}"]) end)

    told =
      "io:format(\"~p\", [{(fun F(0) -> pang; F(N) -> case net_adm:ping('one@127.0.0.1') of pong -> pong; _ -> " <>
        "timer:sleep(100), F(N - 1) end end)(100), " <>
        "rpc:call('one@127.0.0.1', edeliver_epmd, known_nodes, []), " <>
        "rpc:call('one@127.0.0.1', edeliver_epmd, default_dist_port, []), edeliver_epmd:dist_listen_port(), " <>
        "edeliver_epmd:add_node('three@127.0.0.1', 1), edeliver_epmd:remove_node('two@127.0.0.1')}]), halt()."

    {output, 0} =
      System.cmd("erl", node_arguments("two@127.0.0.1") ++ ["-noshell", "-eval", told],
        env: [{"ERL_DIST_PORT", "#{other}"}, {"EDELIVER_NODES", "one@127.0.0.1:#{listen}"}]
      )

    # How `~p` breaks its lines is not the point.
    assert String.replace(output, ~r/\s/, "") ==
             "{pong,[{'one@127.0.0.1',#{listen}},{'two@127.0.0.1',#{other}}],#{listen},#{other}," <>
               "{ok,{'three@127.0.0.1',1}},{ok,[{'three@127.0.0.1',1},{'one@127.0.0.1',#{listen}}]}}"
  end

  defp node_arguments(name) do
    ebin = :edeliver_epmd |> :code.which() |> to_string() |> Path.dirname()

    [
      "-pa",
      ebin,
      "-start_epmd",
      "false",
      "-epmd_module",
      "edeliver_epmd",
      "-name",
      name,
      "-setcookie",
      "epmd_test"
    ]
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end
end
