# Completes the words of edeliver in PowerShell: edeliver itself says which there are.
Register-ArgumentCompleter -Native -CommandName edeliver -ScriptBlock {
    param($current, $ast, $position)
    $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
    # An empty last argument, which some versions would leave out, stands for the word to come.
    $program, $before = $words
    if (-not $program) { return }
    & $program __complete @before "$current " 2>$null | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if ($word -like "$current*") {
            $shown = if ($about) { $about } else { $word }
            [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $shown)
        }
    }
}
