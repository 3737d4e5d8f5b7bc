import Config

config :shop, ecto_repos: [Shop.Repo], database: System.fetch_env!("SHOP_DATABASE")
