defmodule Releases.PluginsTest do
  use ExUnit.Case
  alias Releases.Plugin.{LinkConfig, ModifyRelup}

  defmodule Own do
    use Edeliver.Relup.Modification

    def modify_relup(instructions, release),
      do: %{instructions | up_instructions: [release.name, instructions.up_version]}
  end

  defmodule Unused do
    use Edeliver.Relup.Modification
    def modify_relup(instructions, _release), do: instructions
    def usable?(_release), do: false
  end

  defmodule Equal do
    use Edeliver.Relup.Modification
    def modify_relup(instructions, _release), do: instructions
    def priority, do: priority_default()
  end

  defmodule Twin do
    use Edeliver.Relup.Modification
    def modify_relup(instructions, _release), do: instructions
    def priority, do: priority_default()
  end

  setup do
    dir = Path.join(System.tmp_dir!(), "plugins-#{System.unique_integer([:positive])}")
    File.mkdir_p!(Path.join(dir, "releases/2.0.0"))
    variables = ~w(SKIP_RELUP_MODIFICATIONS RELUP_MODIFICATION_MODULE LINK_VM_ARGS LINK_SYS_CONFIG)

    on_exit(fn ->
      File.rm_rf!(dir)
      Enum.each(variables, &System.delete_env/1)
    end)

    Mix.shell(Mix.Shell.Process)
    # What distillery hands to its plugins, as far as they look at it.
    {:ok, dir: dir, release: %{is_upgrade: true, name: :app, version: "2.0.0", profile: %{output_dir: dir}}}
  end

  defp relup(dir), do: Path.join(dir, "releases/2.0.0/relup")

  defp consult(file) do
    {:ok, [relup]} = :file.consult(to_charlist(file))
    relup
  end

  @instructions [
    {:load_object_code, {:app, '2.0.0', [:m]}},
    :point_of_no_return,
    {:load, {:m, :brutal_purge, :brutal_purge}}
  ]
  @relup {'2.0.0', [{'1.0.0', [], @instructions}], [{'1.0.0', [], @instructions}]}

  test "the relup of an upgrade is modified by the best module there is", %{dir: dir, release: release} do
    File.write!(relup(dir), :io_lib.format("~p.~n", [@relup]))
    assert ModifyRelup.after_assembly(%{release | is_upgrade: false}) == nil
    System.put_env("SKIP_RELUP_MODIFICATIONS", "true")
    assert ModifyRelup.after_assembly(release, []) == nil
    assert consult(relup(dir)) == @relup

    System.delete_env("SKIP_RELUP_MODIFICATIONS")
    assert ModifyRelup.after_assembly(release, []) == nil
    assert_received {:mix_shell, :info, ["Modifying the relup with Edeliver.Relup.DefaultModification"]}
    {'2.0.0', [{'1.0.0', [], up}], [{'1.0.0', [], down}]} = consult(relup(dir))
    assert up == down
    assert List.last(up) == {:load, {:m, :soft_purge, :brutal_purge}}

    System.put_env("RELUP_MODIFICATION_MODULE", inspect(Own))
    assert ModifyRelup.after_assembly(release, []) == nil
    assert {_, [{_, _, [:app, "2.0.0"]}], _} = consult(relup(dir))

    System.put_env("RELUP_MODIFICATION_MODULE", "NoSuch")
    assert_raise Mix.Error, ~r/no module NoSuch/, fn -> ModifyRelup.after_assembly(release, []) end
    System.delete_env("RELUP_MODIFICATION_MODULE")
    File.write!(relup(dir), "{oops}.\n")

    assert_raise Mix.Error, ~r/--skip-relup-mod leaves it as it is/, fn ->
      ModifyRelup.after_assembly(release, [])
    end
  end

  test "a project's own modification is used before edeliver's, unless its priority is lower" do
    default = Edeliver.Relup.DefaultModification
    assert ModifyRelup.best([default, Own, Unused], %{}) == Own
    assert ModifyRelup.best([Equal, default], %{}) == Equal

    assert_raise Mix.Error, ~r/Several modifications/, fn ->
      ModifyRelup.best([Equal, Twin], %{})
    end

    assert_raise Mix.Error, ~r/no modification/, fn -> ModifyRelup.best([Unused], %{}) end
  end

  test "configuration files in the archive become links", %{dir: dir, release: release} do
    archive = Path.join(dir, "releases/2.0.0/app.tar.gz")

    entries = [
      {'releases/2.0.0/vm.args', "-name a"},
      {'releases/2.0.0/sys.config', "[]."},
      {'lib/app/file', "text"}
    ]

    :ok = :erl_tar.create(to_charlist(archive), entries, [:compressed])

    assert LinkConfig.after_package(release, []) == nil
    System.put_env("LINK_VM_ARGS", "/etc/app/vm.args")
    assert LinkConfig.after_package(release, []) == nil
    {listing, 0} = System.cmd("tar", ["-tvzf", archive])
    assert listing =~ "releases/2.0.0/vm.args -> /etc/app/vm.args"
    assert listing =~ ~r/^-.*releases\/2.0.0\/sys.config$/m
    assert listing =~ "lib/app/file"
    assert File.ls!(Path.dirname(archive)) == ["app.tar.gz"]
  end
end
