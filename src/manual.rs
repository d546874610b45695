//! The completions of shells and the manual pages, both made of the command line itself.
//!
//! The module must not know what a command does.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::Roff;

use crate::options::Cli;

/// The script that completes command lines in a shell.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut command = <Cli as CommandFactory>::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// The manual page of a subcommand, or of the program, as roff.
///
/// # Errors
/// There is no such subcommand, in a sentence.
pub fn page(subcommand: Option<&str>) -> Result<Vec<u8>, String> {
    let mut program = <Cli as CommandFactory>::command().disable_help_subcommand(true);
    program.build();
    let command = match subcommand {
        None => Some(&program),
        Some(name) => program.find_subcommand(name),
    };
    let command = command.ok_or_else(|| {
        let names = program.get_subcommands().map(clap::Command::get_name);
        let names: Vec<_> = names.collect();
        format!(
            "There is no such command. The commands are: {}.",
            names.join(", ")
        )
    })?;
    let mut page = Vec::new();
    render(command, &mut page).map_err(|error| format!("{error}."))?;
    Ok(page)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("memory-ingress");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    // `Man` would fill these lines into paragraphs, and they are tables and commands.
    let mut more = Roff::new();
    more.control("SH", ["NOTES"]).control("nf", []);
    let notes = command.get_after_help().map(ToString::to_string);
    for line in notes.unwrap_or_default().lines() {
        more.text([clap_mangen::roff::roman(line)]);
    }
    more.control("fi", []);
    more.to_writer(page)?;
    if command.get_version().is_some() {
        man.render_version_section(page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_every_command_and_option() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).unwrap();
            for word in [
                "memory-ingress",
                "replay",
                "health",
                "write-only",
                "header-env",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_that_keeps_the_lines_of_its_examples() {
        let mut program = <Cli as CommandFactory>::command();
        program.build();
        let names = program.get_subcommands().map(clap::Command::get_name);
        for name in names.filter(|name| *name != "help").map(Some).chain([None]) {
            let page = String::from_utf8(page(name).unwrap()).unwrap();
            let (_, notes) = page.split_once(".nf\n").unwrap();
            let (notes, _) = notes.split_once(".fi\n").unwrap();
            assert!(notes.contains("Example"), "{name:?}: {page}");
            let is_example = |line: &str| line.starts_with("  memory\\-ingress");
            assert!(notes.lines().any(is_example), "{name:?}: {notes}");
        }
        assert!(page(Some("nothing")).unwrap_err().contains("replay, "));
    }
}
