defmodule Shop.Release do
  @moduledoc "What releases with Ecto have as a rule, to migrate without Mix."

  def migrate, do: each(&Ecto.Migrator.run(&1, :up, all: true))

  def migrate(version), do: each(&Ecto.Migrator.run(&1, :up, to: version))

  def rollback(repo, version) do
    Application.load(:shop)
    {:ok, _, _} = Ecto.Migrator.with_repo(repo, &Ecto.Migrator.run(&1, :down, to: version))
  end

  defp each(run) do
    Application.load(:shop)

    for repo <- Application.fetch_env!(:shop, :ecto_repos) do
      {:ok, _, _} = Ecto.Migrator.with_repo(repo, run)
    end
  end
end
