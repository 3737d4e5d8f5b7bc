defmodule Shop.Repo do
  @moduledoc "The shop's database."

  @doc "What repositories are known by."
  def __adapter__, do: __MODULE__

  @doc "Runs SQL in one go; the rows that it gives, or what is wrong with it."
  def query(sql) do
    database = Application.fetch_env!(:shop, :database)

    case System.cmd("sqlite3", ["-bail", "-cmd", ".timeout 5000", database, sql], stderr_to_stdout: true) do
      {rows, 0} -> {:ok, String.split(rows, "\n", trim: true)}
      {reason, _} -> {:error, String.trim(reason)}
    end
  end
end
