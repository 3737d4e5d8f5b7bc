defmodule Releases.Plugin.LinkConfig do
  @moduledoc """
  A plugin for distillery that puts links into the archive of a release, in place of its `vm.args` and `sys.config`: to the
  files on the hosts that `LINK_VM_ARGS` and `LINK_SYS_CONFIG` name. In `rel/config.exs`:

      environment :prod do
        plugin Releases.Plugin.LinkConfig
      end
  """

  # Distillery is no dependency of ours, so the release is a map to us, and its behaviour is not named.
  @type release :: map

  @doc false
  def before_assembly(_release, _options), do: nil

  @doc false
  def after_assembly(_release, _options), do: nil

  @doc false
  def before_package(_release, _options), do: nil

  @doc "Puts the links into the archive."
  @spec after_package(release, keyword) :: nil
  def after_package(release, options \\ [])

  def after_package(%{version: version, name: name, profile: %{output_dir: output}}, _options) do
    links =
      for {file, variable} <- [{"vm.args", "LINK_VM_ARGS"}, {"sys.config", "LINK_SYS_CONFIG"}],
          do: {file, target(variable)}

    links = for {file, target} <- links, target != "", do: {Path.join(["releases", version, file]), target}

    if links != [] do
      Mix.shell().info("Putting links to configuration files into the release")
      repack(Path.join([output, "releases", version, "#{name}.tar.gz"]), links)
    end

    nil
  end

  def after_package(_release, _options), do: nil

  @doc false
  def after_cleanup(_arguments, _options), do: nil

  defp target(variable), do: System.get_env(variable) || ""

  # The archive was made with all links followed.
  defp repack(archive, links) do
    dir = archive <> ".unpacked"
    File.rm_rf!(dir)

    try do
      done!(:erl_tar.extract(to_charlist(archive), [:compressed, {:cwd, to_charlist(dir)}]), archive)
      Enum.each(links, fn {file, target} -> link!(Path.join(dir, file), target) end)
      entries = for entry <- File.ls!(dir), do: {to_charlist(entry), to_charlist(Path.join(dir, entry))}
      done!(:erl_tar.create(to_charlist(archive), entries, [:compressed]), archive)
    after
      File.rm_rf!(dir)
    end
  end

  defp link!(file, target) do
    File.rm(file)

    with {:error, reason} <- File.ln_s(target, file),
         do: Mix.raise("Cannot link #{file}: #{:file.format_error(reason)}")
  end

  defp done!(:ok, _archive), do: :ok

  defp done!({:error, reason}, archive),
    do: Mix.raise("Cannot repack #{archive}: #{:erl_tar.format_error(reason)}")
end
