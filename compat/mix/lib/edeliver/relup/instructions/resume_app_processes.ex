defmodule Edeliver.Relup.Instructions.ResumeAppProcesses do
  @moduledoc "Changes nothing: it names the place in a modification where the relup resumes processes whose code has changed."
  use Edeliver.Relup.Instruction

  def modify_relup(%Instructions{} = instructions, _config), do: instructions
end
