defmodule HelloMix.MixProject do
  use Mix.Project

  def project do
    [
      app: :hello_mix,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: []
    ]
  end

  def application do
    [mod: {HelloMix.Application, []}, extra_applications: [:logger]]
  end
end
