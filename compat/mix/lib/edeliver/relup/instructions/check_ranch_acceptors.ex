defmodule Edeliver.Relup.Instructions.CheckRanchAcceptors do
  @moduledoc """
  Calls the upgrade off where the processes that accept connections of the web server are not found, so that
  `Edeliver.Relup.Instructions.SuspendRanchAcceptors` will find them.
  """
  use Edeliver.Relup.RunnableInstruction

  @typep child :: {term, pid, :worker | :supervisor, [module]}

  def insert_where, do: &insert_before_point_of_no_return/2

  @doc "The name of the application, below which the web server is looked for."
  def arguments(%Instructions{}, %{name: name}), do: application(name)

  @doc false
  @spec application(atom | String.t()) :: atom
  def application(name) when is_atom(name), do: name
  def application(name) when is_binary(name), do: String.to_atom(name)

  @doc "The supervisor of the application's Phoenix endpoint."
  @spec endpoint(atom) :: pid
  def endpoint(application) do
    master = :application_controller.get_master(application)
    assume(true = is_pid(master), "Cannot find the web server: the application #{application} does not run.")
    {top, _module} = :application_master.get_child(master)

    assume(
      {_, pid, _, _} = find(top, &endpoint?/1),
      "Cannot find the web server: there is no Phoenix endpoint."
    )

    pid
  end

  defp endpoint?({module, _, _, [module]}) do
    Code.ensure_loaded?(module) and
      Enum.all?([url: 0, static_url: 0, path: 1, static_path: 1], fn {name, arity} ->
        function_exported?(module, name, arity)
      end)
  end

  defp endpoint?(_child), do: false

  @doc "The supervisor of the endpoint's listening socket."
  @spec ranch_listener_sup(atom) :: pid
  def ranch_listener_sup(application) do
    listener? = &match?({_, _, _, [:ranch_listener_sup]}, &1)

    assume(
      {_, pid, _, _} = find(endpoint(application), listener?),
      "Cannot find the web server: ranch does not listen for the endpoint."
    )

    pid
  end

  @doc "The supervisor of the processes that accept connections."
  @spec ranch_acceptors_sup(pid) :: pid
  def ranch_acceptors_sup(listener) do
    assume(
      {_, pid, _, _} = find(listener, &match?({:ranch_acceptors_sup, _, _, _}, &1)),
      "Cannot find the web server: ranch accepts nothing."
    )

    pid
  end

  @doc "The ids of the processes that accept connections."
  @spec ranch_acceptors(pid) :: [term]
  def ranch_acceptors(acceptors) do
    ids = for {id, _, _, _} <- Supervisor.which_children(acceptors), acceptor?(id), do: id
    assume([_ | _] = ids, "Cannot find the web server: ranch has no acceptors.")
    ids
  end

  defp acceptor?(id), do: is_tuple(id) and tuple_size(id) > 1 and elem(id, 0) == :acceptor

  @doc false
  @spec find(pid, (child -> boolean)) :: child | nil
  def find(supervisor, wanted?) do
    children = for {_, pid, _, _} = child <- Supervisor.which_children(supervisor), is_pid(pid), do: child

    Enum.find(children, wanted?) ||
      Enum.find_value(children, fn
        {_, pid, :supervisor, _} -> find(pid, wanted?)
        _ -> nil
      end)
  end

  @doc "Runs in the node."
  @spec run(atom) :: :ok
  def run(application) do
    info("Checking whether ranch socket acceptors can be found...")
    acceptors = application |> ranch_listener_sup() |> ranch_acceptors_sup() |> ranch_acceptors()
    info("Found #{length(acceptors)} ranch acceptors.")
  end
end
