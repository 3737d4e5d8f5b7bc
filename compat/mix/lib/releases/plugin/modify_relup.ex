defmodule Releases.Plugin.ModifyRelup do
  @moduledoc """
  A plugin for distillery that has the relup of an upgrade modified (see `Edeliver.Relup.Modification`). In
  `rel/config.exs`:

      environment :prod do
        plugin Releases.Plugin.ModifyRelup
      end

  `SKIP_RELUP_MODIFICATIONS=true` leaves the relup as it is, `RELUP_MODIFICATION_MODULE` names the modification;
  edeliver sets them for `--skip-relup-mod` and `--relup-mod=`.
  """

  alias Edeliver.Relup.{Instructions, Modification}

  # Distillery is no dependency of ours, so the release is a map to us, and its behaviour is not named.
  @type release :: map

  @doc false
  def before_assembly(_release, _options), do: nil

  @doc "Modifies the relup of an upgrade."
  @spec after_assembly(release, keyword) :: nil
  def after_assembly(release, options \\ [])

  def after_assembly(
        %{is_upgrade: true, profile: %{output_dir: output}, version: version} = release,
        _options
      ) do
    relup = Path.join([output, "releases", version, "relup"])

    if System.get_env("SKIP_RELUP_MODIFICATIONS") != "true" and File.exists?(relup) do
      modification = modification(release)
      Mix.shell().info("Modifying the relup with #{inspect(modification)}")
      write(relup, modified(read(relup), modification, release))
    end

    nil
  end

  def after_assembly(_release, _options), do: nil

  @doc false
  def before_package(_release, _options), do: nil

  @doc false
  def after_package(_release, _options), do: nil

  @doc false
  def after_cleanup(_arguments, _options), do: nil

  defp read(file) do
    case :file.consult(to_charlist(file)) do
      {:ok, [{_to, [{from, _, _}], [{from, _, _}]} = relup]} ->
        relup

      other ->
        Mix.raise(
          "The relup #{file} is not one from one version to another and back: #{inspect(other, limit: 20)}\n" <>
            "--skip-relup-mod leaves it as it is."
        )
    end
  end

  defp modified({to, [{from, up_text, up}], [{from, down_text, down}]}, modification, release) do
    instructions = %Instructions{
      up_instructions: up,
      down_instructions: down,
      up_version: to_string(to),
      down_version: to_string(from),
      changed_modules: changed_modules(up, release.name)
    }

    changed = modification.modify_relup(instructions, release)
    {to, [{from, up_text, changed.up_instructions}], [{from, down_text, changed.down_instructions}]}
  end

  defp changed_modules(instructions, application) do
    Enum.find_value(instructions, [], fn
      {:load_object_code, {^application, _version, modules}} -> modules
      _ -> nil
    end)
  end

  defp write(file, relup) do
    case File.write(file, :io_lib.format("~p.~n", [relup])) do
      :ok -> :ok
      {:error, reason} -> Mix.raise("Cannot write the relup #{file}: #{:file.format_error(reason)}")
    end
  end

  defp modification(release) do
    case System.get_env("RELUP_MODIFICATION_MODULE") || "" do
      "" -> best(modifications(), release)
      name -> named(Module.concat([name]))
    end
  end

  defp named(module) do
    if Code.ensure_loaded?(module),
      do: module,
      else: Mix.raise("There is no module #{inspect(module)} (--relup-mod=)")
  end

  # Those of the project and its dependencies, by the behaviour that is noted in their beam files.
  defp modifications do
    beams = Path.wildcard(Path.join([Mix.Project.build_path(), "lib", "*", "ebin", "*.beam"]))

    for beam <- beams,
        {:ok, {module, [attributes: attributes]}} <- [:beam_lib.chunks(to_charlist(beam), [:attributes])],
        Modification in Keyword.get(attributes, :behaviour, []),
        Code.ensure_loaded?(module),
        do: module
  end

  @doc false
  @spec best([module], release) :: module
  def best(modules, release) do
    # Of equal priority, the project's own before edeliver's.
    rank = &{&1.priority(), not String.starts_with?(to_string(&1), "Elixir.Edeliver.Relup.")}
    usable = modules |> Enum.uniq() |> Enum.filter(& &1.usable?(release)) |> Enum.group_by(rank)

    case Enum.max(usable, fn -> {nil, []} end) do
      {_, [module]} ->
        module

      {_, []} ->
        Mix.raise("There is no modification of relups in this project.")

      {_, several} ->
        Mix.raise("Several modifications of relups have one priority: #{inspect(several)}. Use --relup-mod=")
    end
  end
end
