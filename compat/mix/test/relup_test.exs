defmodule Edeliver.RelupTest do
  use ExUnit.Case, async: true
  import Edeliver.Relup.InsertInstruction
  import Edeliver.Relup.ShiftInstruction
  alias Edeliver.Relup.Instructions

  # As systools makes them of an appup with `{update, m, {advanced, []}}` and `{load_module, n}`.
  @up [
    {:load_object_code, {:app, '2.0.0', [:m, :n]}},
    :point_of_no_return,
    {:suspend, [:m]},
    {:load, {:n, :brutal_purge, :brutal_purge}},
    {:load, {:m, :brutal_purge, :brutal_purge}},
    {:code_change, :up, [{:m, []}]},
    {:resume, [:m]}
  ]

  defmodule Announce do
    use Edeliver.Relup.RunnableInstruction
    def insert_where, do: &append_after_point_of_no_return/2
    def arguments(%Instructions{up_version: version}, %{name: name}), do: {name, version}
    def dependencies, do: [:helper]
    def run(arguments), do: send(self(), {:ran, arguments})
  end

  defmodule Matching do
    import Edeliver.Relup.RunnableInstruction

    def pair(value) do
      assume({:ok, <<first::8, _::binary>> = whole} = value, "no pair")
      {first, whole}
    end
  end

  test "instructions are put to their place" do
    for {insert, expected} <- [
          {&insert_before_point_of_no_return/2, 1},
          {&insert_after_load_object_code/2, 1},
          {&insert_after_point_of_no_return/2, 2},
          {&append_after_point_of_no_return/2, 3},
          {&append/2, 7}
        ] do
      assert insert.(@up, :new) == List.insert_at(@up, expected, :new)

      assert insert.(@up, [:new, :newer]) ==
               @up |> List.insert_at(expected, :newer) |> List.insert_at(expected, :new)

      both = insert.(%Instructions{up_instructions: @up, down_instructions: @up}, :new)
      assert both.up_instructions == both.down_instructions
    end

    assert insert_before_instruction(@up, :new, {:suspend, [:m]}) == List.insert_at(@up, 2, :new)
    assert insert_after_instruction(@up, :new, {:suspend, [:m]}) == List.insert_at(@up, 3, :new)
    assert insert_before_instruction([:a], :new, :missing) == [:a, :new]
    assert insert_after_load_object_code([:a], :new) == [:a, :new]

    mirrored =
      insert_before_instruction(%Instructions{up_instructions: [:a], down_instructions: [:a]}, :new, :a)

    assert {mirrored.up_instructions, mirrored.down_instructions} == {[:new, :a], [:a, :new]}
  end

  test "what loads a runnable instruction does not count as a change of the application" do
    run = {:apply, {Announce, :run, [1]}}
    load = {:load, {Announce, :brutal_purge, :brutal_purge}}
    list = [:point_of_no_return, load, run, {:load, {:m, :soft_purge, :soft_purge}}]
    assert append_after_point_of_no_return(list, :new) == List.insert_at(list, 3, :new)

    assert append_after_point_of_no_return([:point_of_no_return, run], :new) == [
             :point_of_no_return,
             run,
             :new
           ]
  end

  test "the kinds of instructions are told apart" do
    for instruction <- [{:load, {:m, :a, :b}}, {:remove, {:m, :a, :b}}, {:purge, [:m, :n]}, {:add_module, :m}] do
      assert modifies_code?(instruction)
    end

    for instruction <- [
          {:code_change, [{:m, []}, {:n, []}]},
          {:start, [:m]},
          {:stop, [:m]},
          {:update, :m, :supervisor}
        ] do
      assert modifies_processes?(instruction)
    end

    for instruction <- [:restart_new_emulator, {:add_application, :a}, {:restart_application, :a}] do
      assert modifies_applications?(instruction)
    end

    refute Enum.any?(
             [{:suspend, [:m]}, :point_of_no_return],
             &(modifies_code?(&1) or modifies_processes?(&1))
           )
  end

  test "modules are loaded before what needs them, and unloaded behind it" do
    load = {:load, {:m, :a, :b}}
    assert ensure_module_loaded_before_instruction([:x, :use, :y, load], :use, :m) == [:x, load, :use, :y]
    assert ensure_module_loaded_before_instruction([load, :use], :use, :m) == [load, :use]
    assert ensure_module_loaded_before_instruction([:x, load], :use, :m) == [:x, load]

    {remove, purge} = {{:remove, {:m, :a, :b}}, {:purge, [:m]}}

    assert ensure_module_unloaded_after_instruction([remove, purge, :use, :x], :use, :m) == [
             :use,
             remove,
             purge,
             :x
           ]

    assert ensure_module_unloaded_after_instruction([remove], :use, :m) == [remove]

    {first, last} = {{:apply, {:m, :run, [1]}}, {:apply, {:m, :run, [2]}}}

    assert ensure_module_loaded_before_first_runnable_instructions([first, last, load], last) == [
             load,
             first,
             last
           ]

    assert ensure_module_unloaded_after_last_runnable_instruction([remove, first, last], first) == [
             first,
             last,
             remove
           ]

    assert first_runnable_instruction([:x, last, first], :m) == last
    assert first_runnable_instruction([:x], :m) == :not_found
  end

  test "a runnable instruction runs where it is put, with its modules loaded" do
    loads = for module <- [:helper, Announce], do: {:load, {module, :soft_purge, :soft_purge}}
    removes = for module <- [:helper, Announce], do: {:remove, {module, :soft_purge, :soft_purge}}

    instructions = %Instructions{
      up_instructions: [:point_of_no_return | loads],
      down_instructions: [:point_of_no_return | removes],
      up_version: "2.0.0"
    }

    run = {:apply, {Announce, :run, [{:app, "2.0.0"}]}}
    changed = Announce.modify_relup(instructions, %{name: :app})
    assert [:point_of_no_return, _, _, ^run] = changed.up_instructions
    assert Enum.sort(Enum.slice(changed.up_instructions, 1, 2)) == Enum.sort(loads)
    assert [:point_of_no_return, ^run, _, _] = changed.down_instructions
    {:apply, {module, function, arguments}} = run
    apply(module, function, arguments)
    assert_received {:ran, {:app, "2.0.0"}}
  end

  test "assume matches, or throws what Erlang can print" do
    assert Matching.pair({:ok, "ab"}) == {?a, "ab"}

    ExUnit.CaptureLog.capture_log(fn ->
      assert catch_throw(Matching.pair(:error)) == {:error, 'no pair'}
    end) =~ "no pair"
  end

  test "the default modification purges softly, and changes nothing else" do
    changed = Edeliver.Relup.DefaultModification.modify_relup(%Instructions{up_instructions: @up}, %{})

    assert Enum.at(changed.up_instructions, 3) == {:load, {:n, :soft_purge, :brutal_purge}}
    assert Enum.at(changed.up_instructions, 4) == {:load, {:m, :soft_purge, :brutal_purge}}

    assert List.delete_at(List.delete_at(changed.up_instructions, 3), 3) ==
             List.delete_at(List.delete_at(@up, 3), 3)

    high_level = [
      {:update, :m, {:advanced, []}, :brutal_purge, :brutal_purge, []},
      {:load_module, :m, :brutal_purge, :soft_purge, []}
    ]

    changed =
      Edeliver.Relup.DefaultModification.modify_relup(%Instructions{down_instructions: high_level}, %{})

    assert changed.down_instructions == [
             {:update, :m, {:advanced, []}, :soft_purge, :brutal_purge, []},
             {:load_module, :m, :soft_purge, :soft_purge, []}
           ]
  end

  test "the Phoenix modification checks, suspends, upgrades and resumes in this order" do
    instructions = %Instructions{
      up_instructions: @up,
      down_instructions: @up,
      up_version: "2",
      down_version: "1"
    }

    changed = Edeliver.Relup.PhoenixModification.modify_relup(instructions, %{name: "app"})

    told =
      for instruction <- changed.up_instructions do
        case instruction do
          {:apply, {module, :run, [text]}} when is_binary(text) ->
            {module |> Module.split() |> List.last(), text}

          {:apply, {module, :run, _}} ->
            module |> Module.split() |> List.last()

          :point_of_no_return ->
            instruction

          _ ->
            elem(instruction, 0)
        end
      end

    assert told == [
             :load_object_code,
             {"Info", "==> Checking whether upgrade to version 2 is possible..."},
             "CheckProcessesRunningOldCode",
             "CheckRanchAcceptors",
             "CheckRanchConnections",
             :point_of_no_return,
             {"Info", "==> Preparing upgrade to version 2..."},
             :suspend,
             "SuspendRanchAcceptors",
             "SuspendChannels",
             "FinishRunningRequests",
             {"Info", "==> Upgrading release to version 2..."},
             :load,
             :load,
             :code_change,
             :resume,
             {"Info", "---> The upgrade to version 2 succeeded."},
             {"Info", "==> Resuming the node after upgrade to version 2..."},
             "RerunFailedRequests",
             "ResumeChannels",
             "ResumeRanchAcceptors",
             {"Info", "==> Finished upgrade to version 2."}
           ]

    assert Enum.count(changed.down_instructions) == Enum.count(changed.up_instructions)
  end

  test "what an instruction says reaches whoever upgrades" do
    Process.register(self(), :edeliver_upgrade)
    Edeliver.Relup.RunnableInstruction.info("it comes")
    assert_receive {:edeliver, words}
    assert List.to_string(words) == "---> it comes\n"
  end
end
