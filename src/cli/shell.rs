//! The shells that edeliver completes its words in.

use clap::ValueEnum;

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash, from 3.2 on.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    /// What makes the shell ask `edeliver __complete` for words.
    pub fn completions(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("completions/edeliver.bash"),
            Shell::Zsh => include_str!("completions/edeliver.zsh"),
            Shell::Fish => include_str!("completions/edeliver.fish"),
            Shell::PowerShell => include_str!("completions/edeliver.ps1"),
        }
    }
}
