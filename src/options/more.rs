//! The options of the commands that need no log: `health`, `completions` and `man`.

use clap_complete::Shell;

/// `health`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
It sends one request without a key, waits for at most 3 seconds, and exits with 0 or 1.

Examples:
  memory-ingress health                           this machine's service, as a container asks
  memory-ingress health --url https://memory.example.com")]
pub struct Health {
    /// The service, by https, or by http on this machine
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

/// `completions`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  memory-ingress completions bash > ~/.local/share/bash-completion/completions/memory-ingress
  memory-ingress completions zsh > ~/.zfunc/_memory-ingress
  memory-ingress completions fish > ~/.config/fish/completions/memory-ingress.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  memory-ingress man > ~/.local/share/man/man1/memory-ingress.1
  memory-ingress man replay > ~/.local/share/man/man1/memory-ingress-replay.1")]
pub struct Page {
    /// A command [default: the program]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
