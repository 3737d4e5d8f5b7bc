defmodule Ecto.Migrator do
  @moduledoc "Stands for Ecto's migrator: each migration in a transaction of its own, noted in schema_migrations."

  def with_repo(repo, run), do: {:ok, run.(repo), []}

  def migrations(repo) do
    migrated = migrated_versions(repo)
    for {version, name, _} <- files(directory(repo)), do: {if(version in migrated, do: :up, else: :down), version, name}
  end

  def migrated_versions(repo, options \\ []) do
    options[:skip_table_creation] || execute!(repo, "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY)")
    for row <- execute!(repo, "SELECT version FROM schema_migrations"), do: String.to_integer(row)
  end

  def run(repo, direction, options), do: run(repo, directory(repo), direction, options)

  def run(repo, directory, direction, options) do
    migrated = migrated_versions(repo)
    to = if options[:all], do: nil, else: Keyword.fetch!(options, :to)

    chosen =
      case direction do
        :up -> for {v, _, _} = file <- files(directory), v not in migrated, to == nil or v <= to, do: file
        :down -> for {v, _, _} = file <- Enum.reverse(files(directory)), v in migrated, to == nil or v >= to, do: file
      end

    for {version, name, file} <- chosen do
      IO.puts("== Running #{version} #{name} #{direction}")
      {statements, _} = Code.eval_file(file)
      note = if direction == :up, do: "INSERT INTO schema_migrations VALUES (#{version})", else: "DELETE FROM schema_migrations WHERE version = #{version}"
      execute!(repo, Enum.join(["BEGIN"] ++ Map.fetch!(statements, direction) ++ [note, "COMMIT"], ";\n"))
      version
    end
  end

  defp directory(repo) do
    [app | _] = repo |> Module.split() |> Enum.map(&Macro.underscore/1)
    Application.app_dir(String.to_existing_atom(app), "priv/repo/migrations")
  end

  defp files(directory) do
    for file <- Enum.sort(Path.wildcard(Path.join(directory, "*.exs"))) do
      {version, "_" <> name} = file |> Path.basename(".exs") |> Integer.parse()
      {version, name, file}
    end
  end

  defp execute!(repo, sql) do
    case repo.query(sql) do
      {:ok, rows} -> rows
      {:error, reason} -> raise "the database refuses: #{reason}"
    end
  end
end
