//! The manual: one page per command that people see, as `man` reads it.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Page;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};

const FOLDER: &str = "docs/man";

/// `redistrict.1`, `redistrict-migrate.1`, and so on, sorted.
pub(crate) fn pages(command: Command) -> CommandResult<Vec<Page>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    below(&command, &mut pages)?;
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(pages)
}

fn below(command: &Command, pages: &mut Vec<Page>) -> CommandResult {
    for one in command.get_subcommands() {
        below(one, pages)?;
    }
    let page = Man::new(command.clone());
    let mut bytes = Vec::new();
    let written = page
        .render(&mut bytes)
        .and_then(|()| codes().to_writer(&mut bytes));
    let text = written.ok().and_then(|()| String::from_utf8(bytes).ok());
    // What stands after a help are the examples.
    let text = text.map(|text| text.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n"));
    pages.push(Page {
        path: format!("{FOLDER}/{}", page.get_filename()),
        text: text.ok_or_else(|| {
            Failure::new(Exit::Unexpected, format!("write {}", page.get_filename()))
        })?,
    });
    Ok(())
}

/// The section on exit codes, the same on every page.
fn codes() -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold((exit as u8).to_string())]);
        roff.text([roman(format!("{}: {}", exit.meaning(), exit.next()))]);
    }
    roff
}
