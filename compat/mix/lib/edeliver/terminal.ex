defmodule Edeliver.Terminal do
  @moduledoc """
  Runs a program in the place of Mix: on Mix's terminal and standard streams, with the signals that Mix gets,
  until it ends.

  The Erlang VM cannot become another program, and it starts programs in sessions of their own. So it steps
  back as far as it can: it stops reading the terminal, hands on signals and waits.
  """

  @hand_over Path.join(__DIR__, "hand_over.sh")
  @external_resource @hand_over
  @script File.read!(@hand_over)

  @doc """
  Runs the program, and returns its exit status (128 and the number of the signal, if one has ended it).
  """
  @spec run(Path.t(), [String.t()]) :: non_neg_integer
  def run(program, arguments) do
    without_reader(fn ->
      with_signals(fn ->
        port = start(@script, [vm_pid() | [program | arguments]])
        {:os_pid, pid} = Port.info(port, :os_pid)
        wait(port, pid, "")
      end)
    end)
  end

  defp vm_pid, do: to_string(:os.getpid())

  defp start(script, arguments) do
    shell = System.find_executable("sh") || Mix.raise("there is no sh in the PATH")
    arguments = ["-c", script, "sh" | arguments]
    Port.open({:spawn_executable, shell}, [:nouse_stdio, :exit_status, :binary, args: arguments])
  end

  # `modes` is what the terminal is to go back to: its file descriptor, and its settings.
  defp wait(port, pid, modes) do
    receive do
      {^port, {:data, data}} ->
        wait(port, pid, modes <> data)

      {^port, {:exit_status, status}} ->
        restore(modes)
        status

      {:edeliver_signal, name} ->
        # The terminal sends ctrl-c to all processes in front; the others are for the one that runs.
        if name == "INT", do: signal(name, "-#{pid}"), else: signal(name, "#{pid}")
        wait(port, pid, modes)
    end
  end

  defp restore(modes) do
    case String.split(modes) do
      [terminal, saved] -> run_quietly("stty \"$2\" <&\"$1\"", [terminal, saved])
      [] -> :ok
    end
  end

  # The process may have ended by itself, which is what is wanted.
  defp signal(name, target), do: run_quietly("kill -s \"$1\" -- \"$2\" 2>/dev/null", [name, target])

  defp run_quietly(script, arguments) do
    port = start(script, arguments)

    receive do
      {^port, {:exit_status, _}} -> :ok
    end
  end

  # What handles signals otherwise ends the VM at once.
  defp with_signals(run) do
    previous = Enum.filter(:gen_event.which_handlers(:erl_signal_server), &(&1 == :erl_signal_handler))
    Enum.each(previous, &:gen_event.delete_handler(:erl_signal_server, &1, []))
    :ok = :gen_event.add_handler(:erl_signal_server, Edeliver.Terminal.Signals, self())
    Enum.each([:sigquit, :sighup, :sigterm], &:os.set_signal(&1, :handle))

    try do
      run.()
    after
      :os.set_signal(:sighup, :default)
      :gen_event.delete_handler(:erl_signal_server, Edeliver.Terminal.Signals, [])
      Enum.each(previous, &:gen_event.add_handler(:erl_signal_server, &1, []))
    end
  end

  # Two that read one terminal get a part of the keys each.
  defp without_reader(run) do
    reader = Process.whereis(:user_drv_reader)
    port = reader_port()

    cond do
      # Since Erlang/OTP 26.
      reader != nil -> suspended(reader, run)
      port != nil -> without_input(port, run)
      true -> run.()
    end
  end

  defp suspended(reader, run) do
    :erlang.suspend_process(reader)

    try do
      run.()
    after
      :erlang.resume_process(reader)
    end
  end

  # The port that `user` reads standard input with and writes to standard output, unless it has an Erlang shell.
  defp reader_port do
    {:links, links} = Process.info(Process.whereis(:user), :links)
    Enum.find(links, &(is_port(&1) and Port.info(&1, :name) == {:name, ~c"0/1"}))
  end

  defp without_input(port, run) do
    ended(:user, fn -> :erlang.port_close(port) end)
    :user.start_out()
    Process.group_leader(self(), Process.whereis(:user))

    try do
      run.()
    after
      ended(:user, fn -> Process.exit(Process.whereis(:user), :kill) end)
      :user.start()
      Process.group_leader(self(), Process.whereis(:user))
    end
  end

  defp ended(name, end_it) do
    monitor = Process.monitor(Process.whereis(name))
    end_it.()

    receive do
      {:DOWN, ^monitor, :process, _, _} -> :ok
    end
  end

  defmodule Signals do
    @moduledoc false
    @behaviour :gen_event

    @names %{sigquit: "INT", sighup: "HUP", sigterm: "TERM"}

    @impl true
    def init(runner), do: {:ok, runner}

    @impl true
    def handle_event(signal, runner) do
      with {:ok, name} <- Map.fetch(@names, signal), do: send(runner, {:edeliver_signal, name})
      {:ok, runner}
    end

    @impl true
    def handle_call(_request, runner), do: {:ok, :ok, runner}
  end
end
