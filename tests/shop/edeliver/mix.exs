defmodule Edeliver.MixProject do
  use Mix.Project

  def project, do: [app: :edeliver, version: "1.9.2", deps: [{:ecto_sql, path: "../ecto_sql"}]]

  def application, do: [mod: {Edeliver, []}, registered: [Edeliver]]
end
