defmodule Edeliver.ReleaseVersionTest do
  use ExUnit.Case, async: true
  alias Edeliver.ReleaseVersion

  @values %{
    revision: "82a5834",
    commit_count: "12345",
    commit_count_branch: "4321",
    branch: "feature-xyz",
    date: "20160414",
    time: "110160",
    mix_env: "prod"
  }

  # What the words make of the version.
  defp changed(version, words, defaults \\ nil, values \\ @values) do
    case ReleaseVersion.parse(OptionParser.split(words), defaults) do
      {:ok, changes} -> ReleaseVersion.change(version, changes, &Map.fetch!(values, &1))
      other -> other
    end
  end

  test "metadata is appended in the order of the words, whatever stands before its names" do
    for {words, expected} <- [
          {"append-git-revision", "1.0.0+82a5834"},
          {"git-revision", "1.0.0+82a5834"},
          {"revision", "1.0.0+82a5834"},
          {"append-git-commit-count-all-branches", "1.0.0+12345"},
          {"commit-count-all", "1.0.0+12345"},
          {"commit-count", "1.0.0+12345"},
          {"append-git-commit-count-branch", "1.0.0+4321"},
          {"git-branch", "1.0.0+feature-xyz"},
          {"append-git-branch-unless-master", "1.0.0+feature-xyz"},
          {"append-build-date", "1.0.0+20160414"},
          {"build-time", "1.0.0+110160"},
          {"mix-env", "1.0.0+prod"},
          {"commit-count+git-revision", "1.0.0+12345-82a5834"},
          {"git-revision+commit-count", "1.0.0+82a5834-12345"},
          {"+git-revision+", "1.0.0+82a5834"},
          {"revision branch-unless-master", "1.0.0+82a5834-feature-xyz"}
        ] do
      assert changed("1.0.0", words) == expected, words
    end
  end

  test "a branch is left out only if it is master" do
    on = &changed("1.0.0", "revision+branch-unless-master", nil, %{@values | branch: &1})
    assert on.("master") == "1.0.0+82a5834"
    assert on.("main") == "1.0.0+82a5834-main"
    assert changed("1.0.0", "branch-unless-master", nil, %{@values | branch: "master"}) == "1.0.0"
  end

  test "a part of the version is increased, and what is behind it starts anew" do
    for {version, words, expected} <- [
          {"1.2.3", "increment patch", "1.2.4"},
          {"1.2.3", "increase patch version", "1.2.4"},
          {"1.2", "patch", "1.2.1"},
          {"1", "patch", "1.0.1"},
          {"", "patch", "0.0.1"},
          {"1.2.3-beta.1+x", "patch", "1.2.4"},
          {"2.1.3", "increment minor", "2.2.0"},
          {"2", "minor", "2.1.0"},
          {"2.1.3", "increment major version", "3.0.0"},
          {"1.9.9", "major+git-revision", "2.0.0+82a5834"},
          {"1.2", "commit-count revision patch branch", "1.2.1+12345-82a5834-feature-xyz"}
        ] do
      assert changed(version, words) == expected, "#{version} #{words}"
    end
  end

  test "a version is set as it is" do
    assert changed("1.0.0", "set version 1.2.3-beta.4") == "1.2.3-beta.4"
    assert changed("1.0.0", "set 2.0.0-beta append-commit-count revision") == "2.0.0-beta+12345-82a5834"
    assert changed("1.0.0", "set 2.0.0+5") == "2.0.0+5"
  end

  test "AUTO_VERSION is what is appended unless the words say something else" do
    assert changed("1.0.0", "", "append-commit-count append-git-branch") == "1.0.0+12345-feature-xyz"
    assert changed("1.0.0", "increment major", "git-revision+branch") == "2.0.0+82a5834-feature-xyz"
    assert changed("1.0.0", "patch revision", "append-git-branch") == "1.0.1+82a5834"
    assert changed("1.0.0", "show", "revision") == :show

    assert {:error, "Increasing major|minor|patch or setting version is not allowed" <> _} =
             changed("1", "", "minor")
  end

  test "what is wrong is told" do
    for {words, message} <- [
          {"", "No arguments passed to 'release.version' task and no AUTO_VERSION env is set."},
          {"count", "Unknown option 'count' for 'release.version' task.\nDid you mean 'commit-count'?"},
          {"foo", "Unknown option foo for 'release.version' task."},
          {"foo bar", "Unknown options for 'release.version' task: foo bar"},
          {"major minor",
           "Illegal combination of options for 'release.version' task: major minor can't be used together."},
          {"major set 2.0.0",
           "Illegal combination of options for 'release.version' task: major set can't be used together."},
          {"set",
           "No version to set for 'release.version' task. Please add the version as argument after 'set'"},
          {"set append-commit-count", "No version to set for 'release.version' task."}
        ] do
      assert {:error, told} = changed("1.0.0", words), words
      assert String.starts_with?(told, message), told
    end
  end
end
