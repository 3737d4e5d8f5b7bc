defmodule EdeliverTest do
  use ExUnit.Case
  @moduletag :capture_log
  import ExUnit.CaptureIO

  # With real migrations, in real releases: tests/migrations.rs of the program.
  defmodule Elixir.Ecto.Migrator do
    def migrated_versions(repo), do: repo.migrated()
    def run(repo, directory, direction, options), do: {repo, directory, direction, options}
  end

  defmodule Repo do
    def __adapter__, do: Adapter
    def migrated, do: [20_240_101]
  end

  defmodule OtherRepo do
    def __repo__, do: true
    def migrated, do: []
  end

  # An application with migrations.
  setup_all do
    library = Path.join(System.tmp_dir!(), "edeliver-#{System.unique_integer([:positive])}")
    app = Path.join(library, "mig-1.2.3")
    File.mkdir_p!(Path.join(app, "ebin"))
    File.mkdir_p!(Path.join(app, "priv/repo/migrations"))

    for name <- ~w(20240303_three 20240101_one 20240202_two),
        do: File.touch!(Path.join([app, "priv/repo/migrations", name <> ".exs"]))

    File.touch!(Path.join(app, "priv/repo/migrations/README.md"))

    File.write!(
      Path.join(app, "ebin/mig.app"),
      "{application, mig, [{vsn, \"1.2.3\"}, {modules, []}, {registered, []}, {applications, []}]}.\n"
    )

    Code.prepend_path(Path.join(app, "ebin"))
    :ok = Application.start(:mig)

    on_exit(fn ->
      Application.stop(:mig)
      File.rm_rf!(library)
    end)

    {:ok, app: app}
  end

  setup do
    Application.put_env(:mig, :ecto_repos, [Repo])
    on_exit(fn -> System.delete_env("ECTO_REPOSITORY") end)
  end

  test "pending migrations are listed in their order" do
    list = fn repository ->
      capture_io(fn -> Edeliver.run_command([:list_pending_migrations, "mig", repository]) end)
    end

    expected = "==> \e[33mpending: two (20240202)\e[0m\n==> \e[33mpending: three (20240303)\e[0m\n"
    assert list.("") == expected
    assert list.('') == expected
    assert list.(inspect(OtherRepo)) =~ "pending: one (20240101)"
    assert list.(to_charlist("Elixir." <> inspect(OtherRepo))) =~ "pending: one (20240101)"
  end

  test "migrations run in the repository that is named, up and down, as far as asked", %{app: app} do
    dir = Path.join(app, "priv/repo/migrations")
    assert Edeliver.run_command([:migrate, "mig", "", :up]) == {Repo, dir, :up, [all: true]}

    assert Edeliver.run_command([:migrate, "mig", "", :down, 20_240_202]) ==
             {Repo, dir, :down, [to: 20_240_202]}

    assert Edeliver.run_command([:migrate, "mig", "", :up, "20240202"]) == {Repo, dir, :up, [to: 20_240_202]}
    System.put_env("ECTO_REPOSITORY", inspect(OtherRepo))
    assert {OtherRepo, ^dir, :up, _} = Edeliver.run_command([:migrate, "mig", "", :up])
    assert {Repo, ^dir, :up, _} = Edeliver.run_command([:migrate, "mig", inspect(Repo), :up])
  end

  test "a repository that cannot be told is an error that says what to set" do
    error = fn repository ->
      capture_io(fn ->
        assert catch_throw(Edeliver.run_command([:migrate, "mig", repository, :up])) == "error"
      end)
    end

    assert error.("No.Such") =~ "No.Such is not an ecto repository"
    Application.put_env(:mig, :ecto_repos, [Repo, OtherRepo])
    assert error.("") =~ "there are several ecto repositories"
    Application.put_env(:mig, :ecto_repos, [])
    assert error.("") =~ "there is no ecto repository: name it in ECTO_REPOSITORY"
    Application.delete_env(:mig, :ecto_repos)
    assert {OtherRepo, _, :up, _} = Edeliver.run_command([:migrate, "mig", "", :up])
  end

  test "the version of the release is told, also without the release handler" do
    assert Edeliver.run_command([:release_version, "mig"]) == "1.2.3"
    System.put_env("RELEASE_VSN", "2.0.0")
    assert Edeliver.run_command([:release_version, "mig"]) == "2.0.0"
    System.delete_env("RELEASE_VSN")
    Application.ensure_all_started(:sasl)
    on_exit(fn -> Application.stop(:sasl) end)
    # Nobody has installed a release of that name here.
    assert Edeliver.run_command([:release_version, "mig"]) == "1.2.3"
  end

  test "an application that does not run is told" do
    assert_raise ArgumentError, ~r/the application nosuch does not run/, fn ->
      Edeliver.run_command([:release_version, "nosuch"])
    end
  end

  test "the start is waited for, and shown on the way" do
    Application.stop(:mig)
    test = self()

    spawn_link(fn ->
      wait = fn ->
        send(test, {:result, Edeliver.run_command([:monitor_startup_progress, "mig", :verbose])})
      end

      send(test, {:shown, capture_io(wait)})
    end)

    refute_receive {:result, _}, 300
    Application.start(:mig)
    assert_receive {:result, :ok}, 5000
    assert_receive {:shown, "Started application 'mig'.\n"}, 5000
    assert Edeliver.run_command([:monitor_startup_progress, "mig", :compact]) == :ok
  end

  test "it is a report handler that does not disturb others" do
    assert :error_logger.add_report_handler(Edeliver.StartupProgress) == :ok
    :error_logger.info_report(:progress, application: :mig, started_at: node())
    assert Edeliver.StartupProgress in :error_logger.which_report_handlers()
    assert :error_logger.delete_report_handler(Edeliver.StartupProgress) == :ok
  end
end
