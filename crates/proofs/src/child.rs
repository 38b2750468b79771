//! Runs the product as a child process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::faults::PAUSED;

/// One of the built binaries with its configuration and environment.
#[derive(Clone, Debug)]
pub struct Product {
    program: PathBuf,
    config: PathBuf,
    environment: Vec<(String, String)>,
}

/// How a child ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Product {
    /// The `redistrict` binary beside the running one.
    ///
    /// # Errors
    /// When it was not built.
    pub fn real(config: &Path) -> Result<Self> {
        Self::named("redistrict", config)
    }

    /// The `faulty` twin.
    ///
    /// # Errors
    /// When it was not built.
    pub fn faulty(config: &Path, fault: &str) -> Result<Self> {
        let mut product = Self::named("faulty", config)?;
        product
            .environment
            .push(("REDISTRICT_FAULT".to_owned(), fault.to_owned()));
        Ok(product)
    }

    /// Where the program is.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    fn named(name: &str, config: &Path) -> Result<Self> {
        let mut dir = std::env::current_exe().context("find the running program")?;
        dir.pop();
        if dir.ends_with("deps") {
            dir.pop();
        }
        let program = dir.join(name);
        if !program.exists() {
            bail!("{} is not built", program.display());
        }
        Ok(Self {
            program,
            config: config.to_path_buf(),
            environment: Vec::new(),
        })
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .envs(self.environment.iter().cloned())
            .output()
            .with_context(|| format!("start {}", self.program.display()))?;
        Ok(Ended {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it to its end in a directory. The configuration stands before the arguments, so that these may
    /// hold `--` and anything after it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run_in(
        &self,
        dir: &Path,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Ended> {
        let output = Command::new(&self.program)
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(dir)
            .output()
            .with_context(|| format!("start {}", self.program.display()))?;
        Ok(Ended {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a product that pauses at an effect point, does something meanwhile, lets it go on to its end,
    /// and does something else beside that. An end before the pause is told by `was_paused`.
    ///
    /// # Errors
    /// When it cannot be started, or what is done meanwhile fails.
    pub fn run_paused(
        &self,
        arguments: &[&str],
        meanwhile: impl FnOnce() -> Result<()>,
        beside: impl FnOnce() -> Result<()>,
    ) -> Result<(Ended, bool)> {
        let mut child = self.spawn(arguments)?;
        let said = child.stderr.take().context("read what it says")?;
        let mut said = BufReader::new(said);
        let mut steps = Some((meanwhile, beside));
        let mut err = String::new();
        let mut line = String::new();
        while said.read_line(&mut line)? > 0 {
            if line.trim_end() == PAUSED
                && let Some((meanwhile, beside)) = steps.take()
            {
                meanwhile()?;
                drop(child.stdin.take());
                beside()?;
            }
            err.push_str(&line);
            line.clear();
        }
        let ended = Ended {
            status: child.wait()?,
            out: String::new(),
            err,
        };
        Ok((ended, steps.is_none()))
    }

    /// Runs a product that pauses at effect points, and does something at each of them before it lets it go on.
    ///
    /// # Errors
    /// When it cannot be started, or what is done meanwhile fails.
    pub fn run_pausing(
        &self,
        arguments: &[&str],
        mut meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<Ended> {
        self.run_stopped(arguments, |_| meanwhile())
    }

    /// The same; what is done is told the number of the process.
    ///
    /// # Errors
    /// As said.
    pub(crate) fn run_stopped(
        &self,
        arguments: &[&str],
        mut meanwhile: impl FnMut(u32) -> Result<()>,
    ) -> Result<Ended> {
        let mut child = self.spawn(arguments)?;
        let mut orders = child.stdin.take().context("tell it to go on")?;
        let said = child.stderr.take().context("read what it says")?;
        let mut err = String::new();
        for line in BufReader::new(said).lines() {
            let line = line?;
            if line == PAUSED {
                meanwhile(child.id())?;
                orders.write_all(b"\n").context("tell it to go on")?;
            } else {
                err.push_str(&line);
                err.push('\n');
            }
        }
        drop(orders);
        Ok(Ended {
            status: child.wait()?,
            out: String::new(),
            err,
        })
    }

    fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        Command::new(&self.program)
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))
    }

    /// Runs it; anything but exit 0 is an error with what it printed.
    ///
    /// # Errors
    /// As said.
    pub fn must(&self, arguments: &[&str]) -> Result<Ended> {
        let ended = self.run(arguments)?;
        if !ended.status.success() {
            bail!(
                "redistrict {} ended with {}:\n{}",
                arguments.join(" "),
                ended.status,
                ended.err
            );
        }
        Ok(ended)
    }
}
