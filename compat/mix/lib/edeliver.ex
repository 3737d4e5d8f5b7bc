defmodule Edeliver do
  @moduledoc """
  What edeliver asks a running node to do: tell its version, show and run migrations, wait until it has started.

  This is also the application's callback module. It starts a process named `Edeliver`, so that one can see that
  this application has started. Named last among your release's applications, it says that all have.

  Migrations need Ecto in the release, not here: it is called only when it is there.
  """
  use Application
  use GenServer

  @impl Application
  def start(_type, _arguments) do
    Supervisor.start_link([__MODULE__], strategy: :one_for_one, name: Edeliver.Supervisor)
  end

  @doc "Starts the process named `Edeliver`, which does no more than exist."
  @spec start_link(term) :: GenServer.on_start()
  def start_link(arguments \\ []), do: GenServer.start_link(__MODULE__, arguments, name: __MODULE__)

  @impl GenServer
  def init(arguments), do: {:ok, arguments}

  @doc """
  Runs one of the functions below in the node, for `bin/APP rpc`:

      Edeliver.run_command([:release_version, "my_app"])

  The first element names the function, the second the main application, the others are its arguments. The function
  is called with the application, its version and those.
  """
  @spec run_command([term]) :: term
  def run_command([:monitor_startup_progress, application, :verbose]) do
    Edeliver.StartupProgress.showing(fn -> monitor_startup_progress(application) end)
  end

  def run_command([:monitor_startup_progress, application | _]), do: monitor_startup_progress(application)

  def run_command([command, application | arguments]) when is_atom(command) do
    application = String.to_atom(to_string(application))

    case List.keyfind(:application.which_applications(), application, 0) do
      {^application, _description, version} ->
        apply(__MODULE__, command, [application, to_string(version) | arguments])

      nil ->
        raise ArgumentError, "the application #{application} does not run in #{node()}"
    end
  end

  @doc """
  Waits until this application and the main one have started, and returns `:ok`.
  """
  @spec monitor_startup_progress(atom | String.t()) :: :ok
  def monitor_startup_progress(application) do
    main = String.to_atom(to_string(application))

    if Process.whereis(__MODULE__) && List.keymember?(:application.which_applications(), main, 0) do
      :ok
    else
      Process.sleep(100)
      monitor_startup_progress(application)
    end
  end

  @doc """
  The version of the release that runs: the one that was installed last, else the permanent one. A release without
  `:sasl` knows neither; then it is the one that it was started as, or the version of the main application.
  """
  @spec release_version(atom, String.t() | nil) :: String.t()
  def release_version(application, version \\ nil) do
    of_release(to_charlist(application)) || System.get_env("RELEASE_VSN") || version ||
      of_application(application)
  end

  defp of_release(name) do
    releases = if Process.whereis(:release_handler), do: :release_handler.which_releases(), else: []

    Enum.find_value([:current, :permanent], fn wanted ->
      Enum.find_value(releases, fn {of, version, _, status} ->
        if of == name and status == wanted, do: to_string(version)
      end)
    end)
  end

  defp of_application(application), do: to_string(Application.spec(application, :vsn))

  @doc """
  Prints the migrations that have not run, the next one first: `pending: NAME (VERSION)`.

  The repository is a name, such as `"MyApp.Repo"`. Without one it is what `ECTO_REPOSITORY` named when the node was
  started, or the only one among the application's `:ecto_repos`.
  """
  @spec list_pending_migrations(atom, String.t(), String.t() | charlist) :: :ok
  def list_pending_migrations(application, version, repository \\ "") do
    migrated = migrator().migrated_versions(repository!(application, repository))

    for {number, name} <- migrations(migrations_dir(application, version)), number not in migrated do
      IO.puts("==> " <> coloured(:yellow, "pending: #{name} (#{number})"))
    end

    :ok
  end

  @doc """
  Migrates `:up` or `:down`, all the way or to a version, and returns the versions that ran.
  """
  @spec migrate(atom, String.t(), String.t() | charlist, :up | :down, :all | integer | String.t() | charlist) ::
          [
            integer
          ]
  def migrate(application, version, repository, direction, to \\ :all) when is_atom(direction) do
    how_far = if to == :all, do: [all: true], else: [to: String.to_integer(to_string(to))]
    repository = repository!(application, repository)
    migrator().run(repository, migrations_dir(application, version), direction, how_far)
  end

  @doc "The directory with the migrations of this version of the application, which runs."
  @spec migrations_dir(atom, String.t()) :: Path.t()
  def migrations_dir(application, version) do
    libraries = application |> :code.priv_dir() |> to_string() |> Path.dirname() |> Path.dirname()
    Path.join([libraries, "#{application}-#{version}", "priv", "repo", "migrations"])
  end

  # Not a dependency, so the compiler is not to look for it.
  defp migrator, do: Module.concat(["Ecto", "Migrator"])

  defp migrations(directory) do
    for file <- Enum.sort(Path.wildcard(Path.join(directory, "*.exs"))),
        {number, "_" <> name} <- [Integer.parse(Path.basename(file, ".exs"))],
        do: {number, name}
  end

  defp repository!(application, given) do
    case {to_string(given), System.get_env("ECTO_REPOSITORY") || ""} do
      {"", ""} -> configured_repository!(application)
      {"", name} -> named_repository!(name)
      {name, _} -> named_repository!(name)
    end
  end

  defp named_repository!(name) do
    module = Module.concat([name])

    if repository?(module) do
      module
    else
      error!("#{inspect(module)} is not an ecto repository: set ECTO_REPOSITORY to one, or to nothing")
    end
  end

  defp configured_repository!(application) do
    case Application.fetch_env(application, :ecto_repos) do
      {:ok, repositories} ->
        only!(repositories)

      # Ecto 1 did not name them.
      :error ->
        only!(for {module, _} <- :code.all_loaded(), function_exported?(module, :__repo__, 0), do: module)
    end
  end

  defp only!([repository]), do: repository
  defp only!([]), do: error!("there is no ecto repository: name it in ECTO_REPOSITORY")

  defp only!(several) do
    error!("there are several ecto repositories: name one of #{inspect(several)} in ECTO_REPOSITORY")
  end

  # `__adapter__` since Ecto 2, `__repo__` before.
  defp repository?(module) do
    Code.ensure_loaded?(module) and
      (function_exported?(module, :__adapter__, 0) or function_exported?(module, :__repo__, 0))
  end

  defp error!(message) do
    IO.puts("==> " <> coloured(:red, message))
    throw("error")
  end

  defp coloured(colour, text), do: IO.iodata_to_binary(IO.ANSI.format_fragment([colour, text, :reset], true))
end
