//! Pictures of the terminal: the demo on a pseudo terminal of a width, at the moment at which most stores
//! are at work and at its end, as a page for the browser.

use std::fmt::Write as _;
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use vt100::{Color, Parser, Screen};

use crate::process::say;

/// Enough for the summary with its next steps.
const LINES: NonZeroU16 = NonZeroU16::new(46).expect("46 is not 0");

/// One character on the page, in pixels.
pub(super) const CELL: (u32, u32) = (8, 18);

/// The 16 colours of a terminal, as on a dark one.
const COLOURS: [&str; 16] = [
    "#000000", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
    "#7f848e", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
];

/// A page and its size in pixels.
pub(super) struct Shown {
    pub(super) html: String,
    pub(super) size: (u32, u32),
}

/// Runs the command of a shell in `dir` on a terminal of that width, with the program in the path, and
/// shows it twice.
///
/// # Errors
/// A command that fails, or that never showed a phase in progress.
pub(super) fn show(dir: &Path, program: &Path, columns: u16, command: &str) -> Result<Shown> {
    let record = dir.join(format!("terminal-{columns}.raw"));
    let folder = program.parent().context("find the program's folder")?;
    let line = format!(
        "stty cols {columns} rows {LINES}; PATH={}:$PATH {command}",
        folder.display()
    );
    say(&format!("$ {command} (on {columns} columns)"));
    let status = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &line])
        .arg(&record)
        .env("TERM", "xterm-256color")
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("start script (util-linux), which has the pseudo terminal")?;
    ensure!(status.success(), "the recorded command ended with {status}");
    let bytes = std::fs::read(&record).context("read the record")?;
    let width = NonZeroU16::new(columns).context("show a terminal without columns")?;
    let (working, ended) = screens(of_the_command(&bytes), width);
    let working = working.context("find a phase in progress in the record")?;
    let parts = [lines(&working), lines(&ended)];
    let height: usize = parts.iter().map(|lines| lines.len() + 2).sum();
    let height = u32::try_from(height).unwrap_or(u32::MAX);
    Ok(Shown {
        html: page(&parts),
        size: (
            (u32::from(columns) + 4) * CELL.0,
            height.saturating_mul(CELL.1),
        ),
    })
}

/// The record without the lines that `script` puts before and behind it.
fn of_the_command(record: &[u8]) -> &[u8] {
    let line_end = |at: &usize| record[*at] == b'\n';
    let begin = (0..record.len()).find(line_end).map_or(0, |at| at + 1);
    let mark = b"\nScript done on ";
    let marks = (begin..record.len()).rev();
    let end = marks.into_iter().find(|at| record[*at..].starts_with(mark));
    &record[begin..end.unwrap_or(record.len())]
}

/// The screen on which most stores were at work, and the last one. A frame is whole where the cursor goes
/// up to draw the next one.
fn screens(bytes: &[u8], columns: NonZeroU16) -> (Option<Screen>, Screen) {
    let mut parser = Parser::new(LINES, columns, 0);
    let mut best: Option<(usize, Screen)> = None;
    let mut drawn = 0;
    for at in frame_ends(bytes) {
        parser.process(&bytes[drawn..at]);
        drawn = at;
        let screen = parser.screen();
        let at_work = stores_at_work(&screen.contents());
        if at_work > best.as_ref().map_or(0, |(most, _)| *most) {
            best = Some((at_work, screen.clone()));
        }
    }
    parser.process(&bytes[drawn..]);
    (best.map(|(_, screen)| screen), parser.screen().clone())
}

/// `ESC [ n A`, wherever it begins.
fn frame_ends(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let begins = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\x1b["));
    begins.filter(|at| {
        let after = &bytes[at + 2..];
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        after.get(digits) == Some(&b'A')
    })
}

fn stores_at_work(text: &str) -> usize {
    let in_progress = text.contains("% complete");
    // Lines that fill the width are one text.
    text.matches(" rows").count() + usize::from(in_progress)
}

/// The screen's lines as HTML, without the empty ones at its end.
fn lines(screen: &Screen) -> Vec<String> {
    let (rows, columns) = screen.size();
    let mut lines: Vec<String> = (0..rows.get())
        .map(|row| line(screen, row, columns.get()))
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn line(screen: &Screen, row: u16, columns: u16) -> String {
    let mut out = String::new();
    let mut blanks = 0;
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            continue;
        }
        if !cell.has_contents() || cell.contents() == " " {
            blanks += 1;
            continue;
        }
        out.extend(std::iter::repeat_n(' ', std::mem::take(&mut blanks)));
        let text = escaped(cell.contents());
        let style = style(cell.fgcolor(), cell.bold(), cell.dim());
        match style.is_empty() {
            true => out.push_str(&text),
            false => {
                let _infallible = write!(out, "<span style=\"{style}\">{text}</span>");
            }
        }
    }
    out
}

fn style(colour: Color, bold: bool, dim: bool) -> String {
    let colour = match colour {
        Color::Idx(at) => COLOURS.get(usize::from(at)).copied(),
        Color::Default | Color::Rgb(..) => None,
    };
    let colour = colour.map(|colour| format!("color:{colour};"));
    let weight = if bold { "font-weight:bold;" } else { "" };
    let light = if dim { "opacity:.6;" } else { "" };
    [colour.as_deref().unwrap_or_default(), weight, light].concat()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn page(parts: &[Vec<String>]) -> String {
    let blocks: Vec<String> = parts
        .iter()
        .map(|lines| format!("<pre>{}</pre>", lines.join("\n")))
        .collect();
    format!(
        "<!doctype html><meta charset=\"utf-8\"><style>body{{margin:0;background:#1e2127;color:#c8ccd4}}\
         pre{{margin:0;padding:{}px {}px;font:13px/{}px 'DejaVu Sans Mono',monospace}}\
         pre+pre{{border-top:1px solid #4b5263}}</style>{}",
        CELL.1 / 2,
        CELL.0,
        CELL.1,
        blocks.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_recorder_says_itself_is_left_out() {
        let record = b"Script started on [COMMAND=\"x\"]\nours\nmore\n\nScript done on 1\n";
        assert_eq!(of_the_command(record), b"ours\nmore\n");
        assert_eq!(of_the_command(b"first\nours"), b"ours");
    }

    #[test]
    fn the_frame_on_which_most_stores_were_at_work_is_chosen_whole() {
        let frames = [
            "Phase 1 of 5 - 0% complete\r\n  a.t: 1 rows\r\n",
            "\x1b[2A\x1b[2KPhase 1 of 5 - 0% complete\r\n\x1b[2K  a.t: 2 rows                             b.t: 1 rows\r\n",
            "\x1b[3A\x1b[JPhase 5 of 5 - 0% complete\r\n",
            "\x1b[1A\x1b[Jended <ok>\r\n",
        ];
        let (working, ended) = screens(frames.concat().as_bytes(), NonZeroU16::new(40).unwrap());
        let working = lines(&working.unwrap());
        assert_eq!(
            working,
            [
                "Phase 1 of 5 - 0% complete",
                "  a.t: 2 rows",
                "  b.t: 1 rows"
            ]
        );
        assert_eq!(lines(&ended), ["ended &lt;ok&gt;"]);
    }
}
