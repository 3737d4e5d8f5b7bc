defmodule Edeliver do
  @moduledoc "Stands for edeliver's own module in a release: the commands that nodes are sent by rpc."
  use Application

  @impl true
  def start(_type, _args), do: Agent.start_link(fn -> [] end, name: __MODULE__)

  def run_command([:monitor_startup_progress, _app, _mode]) do
    if Process.whereis(__MODULE__), do: :ok, else: raise("not started")
  end

  def run_command([command, app | arguments]) do
    app = String.to_existing_atom(app)
    apply(__MODULE__, command, [app, to_string(Application.spec(app, :vsn)) | arguments])
  end

  def list_pending_migrations(app, _version, repository) do
    for {:down, version, name} <- Ecto.Migrator.migrations(repository(app, repository)) do
      IO.puts("==> #{IO.ANSI.yellow()}pending: #{name} (#{version})#{IO.ANSI.reset()}")
    end
  end

  def migrate(app, version, repository, direction, to \\ :all) do
    options = if to == :all, do: [all: true], else: [to: to_string(to)]
    Ecto.Migrator.run(repository(app, repository), migrations_dir(app, version), direction, options)
  end

  def migrations_dir(app, version) do
    libraries = app |> :code.priv_dir() |> to_string() |> Path.dirname() |> Path.dirname()
    Path.join([libraries, "#{app}-#{version}", "priv", "repo", "migrations"])
  end

  # A name in a character list, or what the application is configured with.
  defp repository(_app, [_ | _] = name), do: List.to_existing_atom(name)
  defp repository(app, _), do: hd(Application.fetch_env!(app, :ecto_repos))
end
