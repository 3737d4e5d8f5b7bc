defmodule EctoSQL.MixProject do
  use Mix.Project

  def project, do: [app: :ecto_sql, version: "3.10.0", deps: []]
end
