defmodule Edeliver.Relup.RunnableInstruction do
  @moduledoc """
  An instruction that runs code of its own in the node during the upgrade, and during the downgrade.

      defmodule Acme.Relup.Announce do
        use Edeliver.Relup.RunnableInstruction

        def insert_where, do: &append_after_point_of_no_return/2
        def arguments(%Instructions{up_version: version}, _config), do: version

        def run(version) do
          info "version \#{version} comes"
        end
      end

  `run/1` is required. What it throws or raises before the point of no return calls the upgrade off; later it has the
  node restart. What loads the module, and those of `dependencies/0`, is moved before the instruction; on the way down
  what unloads them is moved behind it.
  """

  require Logger
  import Edeliver.Relup.ShiftInstruction
  alias Edeliver.Relup.Instructions

  @doc "Runs in the node, with what `c:arguments/2` has returned when the relup was made."
  @callback run(arguments :: term) :: term

  @doc "Where the instruction is put: a function of `Edeliver.Relup.InsertInstruction`. Default: `&append/2`."
  @callback insert_where() :: Edeliver.Relup.Instruction.insert_fun()

  @doc "What `c:run/1` is called with. Default: `[]`."
  @callback arguments(Instructions.t(), Edeliver.Relup.Config.t()) :: term

  @doc "Modules of other runnable instructions that `c:run/1` needs. Default: none."
  @callback dependencies() :: [module]

  @doc false
  defmacro __using__(_options) do
    quote do
      use Edeliver.Relup.Instruction
      import Edeliver.Relup.RunnableInstruction
      require Logger
      @behaviour Edeliver.Relup.RunnableInstruction

      @doc false
      def modify_relup(%Instructions{} = instructions, config) do
        runnable = call_this(arguments(instructions, config))

        insert_where().(instructions, runnable)
        |> ensure_module_loaded_before_instruction(runnable, __MODULE__)
        |> ensure_dependencies_loaded_before_instruction_for_upgrade(runnable, dependencies())
        |> ensure_dependencies_unloaded_after_instruction_for_downgrade(runnable, dependencies())
      end

      @doc false
      def insert_where, do: &append/2

      @doc false
      def arguments(_instructions, _config), do: []

      @doc false
      def dependencies, do: []

      defoverridable modify_relup: 2, insert_where: 0, arguments: 2, dependencies: 0

      @doc "The instruction of a relup that calls `run/1` of this module."
      def call_this(arguments \\ []), do: {:apply, {__MODULE__, :run, [arguments]}}
    end
  end

  @doc "What loads these modules on the way up is moved before the runnable instruction."
  @spec ensure_dependencies_loaded_before_instruction_for_upgrade(Instructions.t(), tuple, [module]) ::
          Instructions.t()
  def ensure_dependencies_loaded_before_instruction_for_upgrade(
        %Instructions{} = instructions,
        runnable,
        modules
      ) do
    move = &ensure_module_loaded_before_first_runnable_instructions(&2, runnable, &1)
    %{instructions | up_instructions: Enum.reduce(modules, instructions.up_instructions, move)}
  end

  @doc "What unloads these modules on the way down is moved behind the runnable instruction."
  @spec ensure_dependencies_unloaded_after_instruction_for_downgrade(Instructions.t(), tuple, [module]) ::
          Instructions.t()
  def ensure_dependencies_unloaded_after_instruction_for_downgrade(
        %Instructions{} = instructions,
        runnable,
        modules
      ) do
    move = &ensure_module_unloaded_after_last_runnable_instruction(&2, runnable, &1)
    %{instructions | down_instructions: Enum.reduce(modules, instructions.down_instructions, move)}
  end

  @doc """
  Logs an error in the node, and prints it where the upgrade was asked for: by `edeliver deploy upgrade`, or by
  `bin/APP upgrade`, called by hand.
  """
  @spec error(String.t()) :: :ok
  def error(message), do: log(:error, "---> X ", message)

  # Renamed in Elixir 1.11, and gone under the old name some day.
  @warning if Version.match?(System.version(), ">= 1.11.0"), do: :warning, else: :warn

  @doc "The same with a warning."
  @spec warn(String.t()) :: :ok
  def warn(message), do: log(@warning, "---> ! ", message)

  @doc "The same with an info."
  @spec info(String.t()) :: :ok
  def info(message), do: log(:info, "---> ", message)

  @doc "The same with a message for debugging."
  @spec debug(String.t()) :: :ok
  def debug(message), do: log(:debug, "----> ", message)

  defp log(level, prefix, message) do
    Logger.bare_log(level, message)
    format_in_upgrade_script(~c"~ts~ts~n", [prefix, message])
  end

  @doc "Prints a message there, without logging it. The type is that of the functions above."
  @spec log_in_upgrade_script(:error | :warning | :info | :debug, String.t()) :: :ok
  def log_in_upgrade_script(type, message) do
    prefix = Map.get(%{error: "---> X ", warning: "---> ! ", info: "---> "}, type, "----> ")
    format_in_upgrade_script(~c"~ts~ts~n", [prefix, message])
  end

  @doc """
  The same, formatted as by `:io.format/2`. Edeliver hears what is sent to a process that it registers for the time of
  the upgrade; a start script's node for it is called `..upgrader_NUMBER..`.
  """
  @spec format_in_upgrade_script(charlist, [term]) :: :ok
  def format_in_upgrade_script(format, arguments) do
    with caller when is_pid(caller) <- Process.whereis(:edeliver_upgrade) do
      send(caller, {:edeliver, :io_lib.format(format, arguments)})
    end

    for node <- Node.list(:connected), to_string(node) =~ ~r/upgrader_\d+/ do
      :rpc.cast(node, :io, :format, [:user, format, arguments])
    end

    :ok
  end

  @doc """
  Matches, as `=` does; where it does not match, logs the message as an error and throws it.

      assume {:ok, pid} = find(), "it is not there"
  """
  defmacro assume({:=, _, [pattern, expression]}, message) do
    found = quote(do: found)
    bound = [found | variables(Macro.expand(pattern, __CALLER__))]

    quote do
      unquote(bound) =
        case unquote(expression) do
          unquote(pattern) = unquote(found) ->
            unquote(bound)

          _ ->
            Edeliver.Relup.RunnableInstruction.error(unquote(message))
            # A charlist is what Erlang's own tools can print.
            throw({:error, String.to_charlist(unquote(message))})
        end

      unquote(found)
    end
  end

  # Those that the pattern binds: not what is pinned, and not the type of a binary's segment.
  defp variables(pattern) do
    {_, found} =
      Macro.prewalk(pattern, [], fn
        {pin, _, [_]}, found when pin in [:^, :@] ->
          {:pinned, found}

        {:"::", _, [segment, _]}, found ->
          {[segment], found}

        {:_, _, context}, found when is_atom(context) ->
          {:_, found}

        {name, _, context} = variable, found when is_atom(name) and is_atom(context) ->
          {:bound, [variable | found]}

        other, found ->
          {other, found}
      end)

    Enum.uniq_by(found, &elem(&1, 0))
  end
end
