//! Pictures of the report, the decision sheet and the terminal for the documents, by a headless Chromium:
//! what a person sees is looked at, at the width of a desk and of a phone, light and dark.

mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{built, must, root, say, variable, write};

/// Programs that take the picture, in the order in which they are looked for.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// The demo's directory and configuration, below the folder of the pages.
const DEMO: &str = "redistrict-demo";

/// Widths of terminals.
const COLUMNS: [u16; 2] = [80, 160];
/// Students a district, so that there is something to see while it runs.
const STUDENTS: u32 = 3_000;

/// One picture: its file, the page, width and height, and whether the reader prefers dark pages.
struct Picture {
    name: &'static str,
    page: Page,
    size: (u32, u32),
    theme: Theme,
}

#[derive(Clone, Copy)]
enum Page {
    Report,
    Sheet,
}

#[derive(Clone, Copy)]
enum Theme {
    Light,
    Dark,
}

const DESK: (u32, u32) = (1280, 1600);
const PHONE: (u32, u32) = (375, 1100);

const PICTURES: [Picture; 5] = [
    picture("report-light.png", Page::Report, DESK, Theme::Light),
    picture("report-dark.png", Page::Report, DESK, Theme::Dark),
    picture("report-phone-light.png", Page::Report, PHONE, Theme::Light),
    picture("report-phone-dark.png", Page::Report, PHONE, Theme::Dark),
    picture("decisions.png", Page::Sheet, DESK, Theme::Light),
];

const fn picture(name: &'static str, page: Page, size: (u32, u32), theme: Theme) -> Picture {
    Picture {
        name,
        page,
        size,
        theme,
    }
}

/// Runs the demo and writes `docs/pictures/*.png`. The browser is `chromium` or one of its kind in the
/// path, or what CHROMIUM names.
pub(crate) fn run() -> Result<()> {
    let browser = browser()?;
    let dir = root().join("target/pictures");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    let out = root().join("docs/pictures");
    for dir in [&dir, &out] {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    must(&mut product(&dir, &["demo"]))?;
    let config = format!("{DEMO}/redistrict.toml");
    must(&mut product(&dir, &["classify", "--config", &config]))?;
    let data = dir.join(DEMO).join("data");
    let report = report(&data.join("reports"))?;
    let sheet = data.join("analysis/decisions.html");
    for picture in PICTURES {
        let page = match picture.page {
            Page::Report => &report,
            Page::Sheet => &sheet,
        };
        take(&browser, &dir, page, &picture, &out.join(picture.name))?;
    }
    let program = built(false)?;
    for columns in COLUMNS {
        of_terminal(&browser, &dir, &program, columns, &out)?;
    }
    Ok(())
}

fn of_terminal(browser: &str, dir: &Path, program: &Path, columns: u16, out: &Path) -> Result<()> {
    let command = format!("redistrict demo --students {STUDENTS}");
    let shown = terminal::show(dir, program, columns, &command)?;
    let page = dir.join(format!("terminal-{columns}.html"));
    write(&page, &shown.html)?;
    let name = match columns {
        80 => "terminal-80.png",
        _ => "terminal-160.png",
    };
    let picture = picture(name, Page::Report, shown.size, Theme::Dark);
    take(browser, dir, &page, &picture, &out.join(name))
}

/// The program in that directory, so that the paths it prints are short.
fn product(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .args(["--package", "redistrict-cli", "--"])
        .args(arguments)
        .current_dir(dir);
    command
}

fn report(dir: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))?;
    let mut pages = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|one| one == "html"));
    pages
        .next()
        .with_context(|| format!("find a report in {}", dir.display()))
}

fn browser() -> Result<String> {
    if let Some(named) = variable("CHROMIUM") {
        return Ok(named);
    }
    let starts = |name: &&&str| {
        let output = Command::new(name).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    match BROWSERS.iter().find(starts) {
        Some(name) => Ok((*name).to_owned()),
        None => bail!(
            "take pictures: none of {} is installed, and CHROMIUM names no other",
            BROWSERS.join(", ")
        ),
    }
}

fn take(browser: &str, dir: &Path, page: &Path, picture: &Picture, out: &Path) -> Result<()> {
    let theme = match picture.theme {
        Theme::Light => "1",
        Theme::Dark => "0",
    };
    let (width, height) = picture.size;
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg(format!("--blink-settings=preferredColorScheme={theme}"))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--screenshot={}", out.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .with_context(|| format!("start {browser}"))?;
    if !output.status.success() || !out.exists() {
        bail!("{browser} took no picture: {}", output.status);
    }
    say(&format!("wrote docs/pictures/{}", picture.name));
    Ok(())
}
