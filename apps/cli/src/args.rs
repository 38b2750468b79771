//! What can be typed. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::Format;

/// One school district out of production, complete, masked, verified and reversible in certification.
///
/// Try it without any server: `redistrict demo`.
#[derive(Debug, Parser)]
#[command(
    name = "redistrict",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        default_value = "redistrict.toml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    /// How results are printed; data goes to stdout, everything else to stderr.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Where the journal, the key and the locks lie.
    #[arg(
        long,
        global = true,
        default_value = ".redistrict",
        value_name = "DIR",
        hide = true
    )]
    pub(crate) state_dir: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the reference estate as SQLite files and migrate one district, with all five phases.
    Demo(Demo),
    /// Write redistrict.toml from the catalogs, with everything inferred as a comment.
    Init(Init),
    /// Look at every store: reachable, rights, enrolled, PROD and CERT apart.
    Doctor,
    /// Work with the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Read the catalogs: tables, keys, roles, owners, links, extraction order.
    #[command(aliases = ["analyze-schema", "analyze-datastores"])]
    Analyze,
    /// Rank the districts and propose pilots.
    #[command(aliases = ["select-districts", "districts"])]
    Select,
    /// Show what would move: roles, owners, masks, forecast. Reads only.
    Plan(Plan),
    /// Migrate a district: extract, anonymize, validate, load, report.
    Migrate(Migrate),
    /// Only extract: a raw, encrypted artifact.
    #[command(alias = "extract-district-data")]
    Extract(District),
    /// Only anonymize the last sealed raw artifact.
    #[command(alias = "anonymize-pii")]
    Anonymize(District),
    /// Only validate the last sealed masked artifact.
    #[command(aliases = ["validate-integrity", "validate-migration"])]
    Validate(District),
    /// Only load the last sealed masked artifact.
    #[command(alias = "load-to-cert")]
    Load(District),
    /// Write the report of a run again.
    #[command(alias = "generate-report")]
    Report(RunArgument),
    /// Show where a run is (default: the newest).
    Status(OptionalRun),
    /// List the runs.
    Runs,
    /// Go on with an unfinished run (default: the newest unfinished).
    Resume(OptionalRun),
    /// Take a run's rows out of CERT again, exactly, or refuse. Of an undo: put them in again.
    Rollback(Rollback),
    /// Mark a target as CERT, once, by a person.
    Enroll(Enroll),
    /// Not available yet.
    #[command(hide = true)]
    Classify,
    /// Not available yet.
    #[command(hide = true)]
    Why(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Watch(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Approve(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Cancel(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Mcp(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Notify(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Artifacts(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Key(Rest),
    /// Not available yet.
    #[command(hide = true)]
    Completions(Rest),
}

#[derive(Debug, Args)]
pub(crate) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the files of the demo go; made new each time.
    #[arg(long, default_value = "redistrict-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Students per district.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) students: u32,
    /// Only make the estate and its configuration.
    #[arg(long, hide = true)]
    pub(crate) prepare_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The tenant root, `store.table`; inferred from the table's name if left out.
    #[arg(long, value_name = "TABLE")]
    pub(crate) root: Option<String>,
    /// A store, `NAME=KIND:SOURCE_VARIABLE:TARGET_VARIABLE`; may be given several times.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
    /// Replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
    /// The least rights, as SQL for the DBA. Not available yet.
    #[arg(long, hide = true)]
    pub(crate) grants: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check redistrict.toml against the live catalogs.
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct District {
    /// The district: the value of the tenant root's key.
    pub(crate) district: String,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The district: the value of the tenant root's key.
    pub(crate) district: String,
    /// Count the rows exactly (reads the keys of the district).
    #[arg(long)]
    pub(crate) exact: bool,
    /// Print every statement PROD will see. Not available yet.
    #[arg(long, hide = true)]
    pub(crate) sql: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The district: the value of the tenant root's key.
    pub(crate) district: String,
    /// Use the last sealed raw artifact of this district.
    #[arg(long)]
    pub(crate) skip_extraction: bool,
    /// Write nothing to CERT.
    #[arg(long)]
    pub(crate) skip_load: bool,
    /// Do everything but write to CERT; print what the load would insert, update and leave.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take the district's previous load out and the new one in. Not available yet.
    #[arg(long, hide = true)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgument {
    /// The run's id.
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct OptionalRun {
    /// The run's id.
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The run's id.
    pub(crate) run: String,
    /// Only say whether it could be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Not available yet.
    #[arg(long, hide = true)]
    pub(crate) keep_foreign_changes: bool,
    /// Not available yet.
    #[arg(long, hide = true)]
    pub(crate) retain_shared: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Enroll {
    /// The store; all stores if left out.
    pub(crate) store: Option<String>,
    /// A name that tells people which database this is.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}
