defmodule Edeliver.ReleaseVersion do
  @moduledoc """
  The version of one build: what the words of `mix release.version` make of the version in `mix.exs`.
  """

  @typedoc "What is done to the version, in this order. Metadata is what stands behind the `+`."
  @type change :: {:set, String.t()} | {:increment, :major | :minor | :patch} | {:append, metadata}
  @type metadata ::
          :revision
          | :branch
          | :branch_unless_master
          | :commit_count
          | :commit_count_branch
          | :date
          | :time
          | :mix_env

  @parts %{"major" => :major, "minor" => :minor, "patch" => :patch}
  @metadata %{
    "revision" => :revision,
    "branch" => :branch,
    "branch-unless-master" => :branch_unless_master,
    "commit-count" => :commit_count,
    "commit-count-branch" => :commit_count_branch,
    "date" => :date,
    "time" => :time,
    "mix-env" => :mix_env
  }

  @doc """
  Reads the words. What they do not say of metadata is taken from `defaults`, the text of `AUTO_VERSION`.
  """
  @spec parse([String.t()], String.t() | nil) :: :show | {:ok, [change]} | {:error, String.t()}
  def parse(["show"], _defaults), do: :show

  def parse(words, defaults) do
    with {:ok, changes} <- read(split(words), [], []),
         {:ok, default_changes} <- read(split(OptionParser.split(defaults || "")), [], []),
         :ok <- only_metadata(default_changes) do
      changes = if Enum.any?(changes, &metadata?/1), do: changes, else: changes ++ default_changes
      check(changes)
    end
  end

  # `increment major version` is the same as `major`; words may be joined by `+`. What is behind `set` is left alone.
  defp split(["set", "version", version | words]), do: ["set", version | split(words)]
  defp split(["set", version | words]), do: ["set", version | split(words)]
  defp split([word | words]), do: String.split(word, "+", trim: true) ++ split(words)
  defp split([]), do: []

  defp read([], changes, []), do: {:ok, Enum.reverse(changes)}

  defp read([], _changes, ["count"]) do
    {:error, "Unknown option 'count' for 'release.version' task.\nDid you mean 'commit-count'?"}
  end

  defp read([], _changes, [word]), do: {:error, "Unknown option #{word} for 'release.version' task."}

  defp read([], _changes, unknown) do
    {:error, "Unknown options for 'release.version' task: #{Enum.join(Enum.reverse(unknown), " ")}"}
  end

  defp read(["set", version | words], changes, unknown) do
    if known?(version), do: no_version(), else: read(words, [{:set, version} | changes], unknown)
  end

  defp read(["set"], _changes, _unknown), do: no_version()

  defp read([word | words], changes, unknown) do
    cond do
      word in ["increment", "increase", "version"] or String.trim(word) == "" -> read(words, changes, unknown)
      part = @parts[word] -> read(words, [{:increment, part} | changes], unknown)
      metadata = @metadata[plain(word)] -> read(words, [{:append, metadata} | changes], unknown)
      true -> read(words, changes, [word | unknown])
    end
  end

  defp no_version do
    {:error,
     "No version to set for 'release.version' task. " <>
       "Please add the version as argument after 'set' like: 'set 2.0.0-beta'."}
  end

  defp known?(word), do: Map.has_key?(@parts, word) or Map.has_key?(@metadata, plain(word))

  # `append-git-commit-count-all-branches` is `commit-count`.
  defp plain(word) do
    word
    |> String.replace("_", "-")
    |> without_prefix("append-")
    |> without_prefix("git-")
    |> without_prefix("build-")
    |> String.replace_suffix("-branches", "")
    |> String.replace_suffix("-all", "")
  end

  defp without_prefix(word, prefix), do: String.replace_prefix(word, prefix, "")

  defp metadata?({:append, _}), do: true
  defp metadata?(_change), do: false

  defp only_metadata(changes) do
    if Enum.all?(changes, &metadata?/1) do
      :ok
    else
      {:error,
       "Increasing major|minor|patch or setting version is not allowed as default set in 'AUTO_VERSION' env " <>
         "for 'release.version' task."}
    end
  end

  # The version itself first, its metadata behind it, each in the order of the words.
  defp check(changes) do
    {appended, numbers} = Enum.split_with(changes, &metadata?/1)

    cond do
      length(numbers) > 1 ->
        names = Enum.map_join(numbers, " ", &name/1)

        {:error,
         "Illegal combination of options for 'release.version' task: #{names} can't be used together."}

      changes == [] ->
        {:error, "No arguments passed to 'release.version' task and no AUTO_VERSION env is set."}

      true ->
        {:ok, numbers ++ appended}
    end
  end

  defp name({:set, _}), do: "set"
  defp name({:increment, part}), do: to_string(part)

  @doc """
  Applies the changes. `lookup` tells the value of metadata; by default from git, the clock and Mix.
  """
  @spec change(String.t(), [change], (metadata -> String.t())) :: String.t()
  def change(version, changes, lookup \\ &value/1) do
    {version, metadata} =
      Enum.reduce(changes, {version, []}, fn
        {:set, version}, {_, metadata} -> {version, metadata}
        {:increment, part}, {version, metadata} -> {increment(version, part), metadata}
        {:append, kind}, {version, metadata} -> {version, metadata ++ metadata_of(kind, lookup)}
      end)

    if metadata == [], do: version, else: "#{version}+#{Enum.join(metadata, "-")}"
  end

  defp metadata_of(:branch_unless_master, lookup) do
    case lookup.(:branch) do
      "master" -> []
      branch -> [branch]
    end
  end

  defp metadata_of(kind, lookup), do: [lookup.(kind)]

  defp increment(version, part) do
    numbers = Regex.run(~r/^(\d*)(?:\.(\d+))?(?:\.(\d+))?/, version, capture: :all_but_first)
    numbers = Enum.map(numbers, &String.to_integer("0" <> &1))

    case {part, Enum.take(numbers ++ [0, 0, 0], 3)} do
      {:major, [major, _, _]} -> "#{major + 1}.0.0"
      {:minor, [major, minor, _]} -> "#{major}.#{minor + 1}.0"
      {:patch, [major, minor, patch]} -> "#{major}.#{minor}.#{patch + 1}"
    end
  end

  @doc "The present value of metadata, from git, the clock and Mix."
  @spec value(metadata) :: String.t()
  def value(:revision), do: git(["rev-parse", "--short", "HEAD"])
  def value(:commit_count), do: git(["rev-list", "--all", "--count"])
  def value(:commit_count_branch), do: git(["rev-list", "--count", "HEAD"])
  def value(:mix_env), do: to_string(Mix.env())
  def value(:date), do: at_present(0, ~c"~4.10.0b~2.10.0b~2.10.0b")
  def value(:time), do: at_present(1, ~c"~2.10.0b~2.10.0b~2.10.0b")

  # The build host has a revision checked out, not a branch; so edeliver says which one is built.
  def value(:branch) do
    branch = System.get_env("BRANCH") || ""
    branch = if branch == "", do: containing_branch(), else: branch
    # What semantic versions allow.
    String.replace(branch, ~r/[^0-9A-Za-z-]/u, "")
  end

  defp containing_branch do
    ["branch", "--contains", "HEAD", "--format=%(refname:short)"]
    |> git()
    |> String.split("\n", trim: true)
    |> Enum.find(&(not String.starts_with?(&1, "("))) ||
      Mix.raise("Cannot tell which branch is built: set BRANCH to its name.")
  end

  defp at_present(element, format) do
    values = :calendar.local_time() |> elem(element) |> Tuple.to_list()
    format |> :io_lib.format(values) |> IO.iodata_to_binary()
  end

  defp git(arguments) do
    case System.cmd("git", arguments, stderr_to_stdout: true) do
      {output, 0} ->
        String.trim(output)

      {output, status} ->
        Mix.raise("git #{Enum.join(arguments, " ")} ended with #{status}: #{String.trim(output)}")
    end
  end
end
