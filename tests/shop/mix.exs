defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: System.fetch_env!("SHOP_VERSION"),
      elixir: "~> 1.14",
      deps: [{:ecto_sql, path: "ecto_sql"}] ++ edeliver(System.get_env("SHOP_WITH_EDELIVER")),
      # The hosts of the tests have the same Erlang.
      releases: [shop: [include_erts: false, include_executables_for: [:unix]]]
    ]
  end

  def application, do: [mod: {Shop, []}, extra_applications: [:logger]]

  defp edeliver("true"), do: [{:edeliver, path: "edeliver"}]
  defp edeliver(_), do: []
end
