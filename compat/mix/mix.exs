defmodule Edeliver.MixProject do
  use Mix.Project

  # In step with the program's, in Cargo.toml.
  @version "0.1.0"

  def project do
    [
      app: :edeliver,
      version: @version,
      elixir: "~> 1.6",
      description: "Build and deploy Erlang and Elixir releases: `mix edeliver`, and its side of your nodes",
      package: package(),
      # Nodes that take hot upgrades have it; it is called only where it is there.
      xref: [exclude: [:release_handler]],
      deps: []
    ]
  end

  # To be started last, so that a release that has started this has started all (see `Edeliver`).
  def application do
    [
      mod: {Edeliver, []},
      registered: [Edeliver, Edeliver.Supervisor],
      env: [nodes: []],
      extra_applications: [:logger]
    ]
  end

  defp package do
    [
      licenses: ["MIT"],
      links: %{},
      files: ~w(bin lib priv src mix.exs README.md LICENSE)
    ]
  end
end
