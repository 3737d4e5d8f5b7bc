defmodule Edeliver.Relup.Instructions.StartSection do
  @moduledoc """
  Says with `Edeliver.Relup.Instructions.Info` how far the upgrade is:

  - `:check`: whether it is possible, ahead of all checks;
  - `:suspend`: right after the point of no return;
  - `:upgrade`: before code, processes or applications change;
  - `:resume`: afterwards;
  - `:finished`: at the end.
  """
  use Edeliver.Relup.Instruction
  alias Edeliver.Relup.Instructions.Info

  @type section :: :check | :suspend | :upgrade | :resume | :finished

  @spec modify_relup(Instructions.t(), Edeliver.Relup.Config.t(), section) :: Instructions.t()
  def modify_relup(instructions, config, section \\ :default)

  def modify_relup(%Instructions{} = instructions, config, :check) do
    say(instructions, config, &"==> Checking whether #{&1} is possible...", &insert_after_load_object_code/2)
  end

  def modify_relup(%Instructions{} = instructions, config, :suspend) do
    say(instructions, config, &"==> Preparing #{&1}...", &insert_after_point_of_no_return/2)
  end

  def modify_relup(%Instructions{} = instructions, config, :upgrade) do
    up = "==> Upgrading release to version #{instructions.up_version}..."
    down = "==> Downgrading release to version #{instructions.down_version}..."
    Info.modify_relup(instructions, config, up, down, &append_after_point_of_no_return/2)
  end

  def modify_relup(%Instructions{} = instructions, config, :resume) do
    instructions
    |> say(config, &"---> The #{&1} succeeded.", &append/2)
    |> say(config, &"==> Resuming the node after #{&1}...", &append/2)
  end

  def modify_relup(%Instructions{} = instructions, config, :finished) do
    say(instructions, config, &"==> Finished #{&1}.", &append/2)
  end

  def modify_relup(%Instructions{}, _config, unknown) do
    throw("#{inspect(__MODULE__)} knows no section #{inspect(unknown)}")
  end

  defp say(instructions, config, sentence, insert_where) do
    up = sentence.("upgrade to version #{instructions.up_version}")
    down = sentence.("downgrade to version #{instructions.down_version}")
    Info.modify_relup(instructions, config, up, down, insert_where)
  end
end
