# Completes the words of edeliver in fish: edeliver itself says which there are.
function __edeliver_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c edeliver -e
complete -c edeliver -f -a '(__edeliver_complete)'
