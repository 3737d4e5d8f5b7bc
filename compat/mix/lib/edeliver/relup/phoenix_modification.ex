defmodule Edeliver.Relup.PhoenixModification do
  @moduledoc """
  What is done with the relups of Phoenix applications.

  The upgrade is called off when processes run old code, or when the acceptors and connections of the web server are not
  found. Then no new connection is accepted, channels are suspended, and running requests have half a second to finish.
  After the upgrade requests that failed are run again, and channels and acceptors go on.
  """
  use Edeliver.Relup.Modification
  alias Edeliver.Relup.Instructions.{CheckProcessesRunningOldCode, CheckRanchAcceptors, CheckRanchConnections}
  alias Edeliver.Relup.Instructions.{FinishRunningRequests, RerunFailedRequests, SoftPurge, StartSection}

  alias Edeliver.Relup.Instructions.{
    ResumeChannels,
    ResumeRanchAcceptors,
    SuspendChannels,
    SuspendRanchAcceptors
  }

  def modify_relup(%Instructions{} = instructions, config) do
    instructions
    |> StartSection.modify_relup(config, :check)
    |> CheckProcessesRunningOldCode.modify_relup(config)
    |> CheckRanchAcceptors.modify_relup(config)
    |> CheckRanchConnections.modify_relup(config)
    |> StartSection.modify_relup(config, :suspend)
    |> SuspendRanchAcceptors.modify_relup(config)
    |> SuspendChannels.modify_relup(config)
    |> FinishRunningRequests.modify_relup(config)
    |> StartSection.modify_relup(config, :upgrade)
    |> SoftPurge.modify_relup(config)
    |> StartSection.modify_relup(config, :resume)
    |> RerunFailedRequests.modify_relup(config)
    |> ResumeChannels.modify_relup(config)
    |> ResumeRanchAcceptors.modify_relup(config)
    |> StartSection.modify_relup(config, :finished)
  end

  @doc "For projects that depend on `phoenix` and `phoenix_html`."
  def usable?(_config) do
    dependencies = Mix.Project.config()[:deps] || []
    Enum.all?([:phoenix, :phoenix_html], &List.keymember?(dependencies, &1, 0))
  end

  def priority, do: priority_default() + 1
end
