//! What can be typed. The doc comments are the help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::output::Format;

/// Moves one school district from production to certification: masked, undoable.
///
/// Try it without any server: `redistrict demo`. For databases of your own: `redistrict init`, then
/// `doctor`, `enroll`, `plan` and `migrate`.
#[derive(Debug, Parser)]
#[command(name = "redistrict", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        default_value = "redistrict.toml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    /// Print text, json or jsonl.
    ///
    /// Data goes to stdout, everything else to stderr. `json` is one object at the end, of a failure
    /// too; `jsonl` is one object per line, as things happen.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
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
    /// The whole journey on made-up data: no server, no configuration.
    ///
    /// With `--servers` on a PostgreSQL and two Neo4j of this machine.
    Demo(Demo),
    /// Write redistrict.toml from the catalogs, inferences as comments.
    Init(Init),
    /// Look at every store: reachable, enrolled, PROD and CERT apart.
    ///
    /// Also whether CERT holds rows as they are in PROD, unmasked: a sample of the rows of every table with
    /// masked columns is looked for there, compared in memory, and counted. Writes nothing.
    Doctor,
    /// Mark a target as CERT, once, by a person.
    Enroll(Enroll),
    /// Work with the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Read the catalogs: tables, keys, roles, owners, links, order.
    #[command(aliases = ["analyze-schema", "analyze-datastores"])]
    Analyze,
    /// Rank the districts and propose pilots.
    #[command(aliases = ["select-districts", "districts"])]
    Select,
    /// Show what would move: roles, owners, masks, forecast. Reads only.
    Plan(Plan),
    /// Migrate a district: extract, anonymize, validate, load, report.
    ///
    /// Each phase is proved before the next begins. A run that is stopped goes on with `redistrict
    /// resume`; a run that ended is taken out again with `redistrict rollback`.
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
    Load(Load),
    /// Write the report of a run again.
    #[command(alias = "generate-report")]
    Report(RunArgument),
    /// Show where a run is (default: the newest).
    Status(OptionalRun),
    /// List the runs.
    Runs,
    /// Go on with an unfinished run (default: the newest unfinished).
    Resume(Resume),
    /// Take a run's rows out of CERT again, exactly, or refuse.
    ///
    /// Of an undo: put them in again. It is refused where others have changed the rows since.
    Rollback(Rollback),
    /// Show what is decided about every column, and write the sheet to sign.
    ///
    /// The sheet is written as decisions.csv and decisions.html. Without a district it holds for the
    /// whole estate, bound to the digest of its decisions, which each run's report repeats; with one it
    /// is bound to the digest of that district's plan as well. Reads only.
    Classify(Classify),
    /// Say why a row comes with a district, or why it does not.
    ///
    /// Prints the shortest chain of references from the row to the district's own row, under which rule each
    /// of them counts, and a statement that checks it; or the first step that is missing. Reads only.
    Why(Why),
    /// Follow a run of another terminal until it ends or waits (default: the newest).
    ///
    /// Ends with the run's own exit code.
    Watch(OptionalRun),
    /// Approve what a run waits for; `redistrict resume` goes on.
    ///
    /// `[approvals] before` names the steps. An approval is bound to what is shown (run, plan, artifact,
    /// targets, forecast), counts for `[approvals] valid_for` (24 hours), and works once.
    Approve(Approve),
    /// Give an unfinished run up: stop it, and take back what it loaded.
    Cancel(Cancel),
    /// Let an assistant drive it: a server of the Model Context Protocol.
    ///
    /// On the standard streams, or with `--http` for several assistants on this machine. An assistant
    /// sees names and numbers, never the value of a row, and cannot approve: whatever writes to CERT
    /// waits until a person has typed `redistrict approve RUN`.
    Mcp(Mcp),
    /// What CERT's own records and tables say; for programs.
    #[command(subcommand, hide = true)]
    Cert(CertCommand),
    /// Look after the artifacts: list, verify, shred.
    #[command(subcommand)]
    Artifacts(ArtifactsCommand),
    /// Try the webhook of [notify].
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Not available yet.
    #[command(hide = true)]
    Key(Rest),
    /// Print the completions of a shell.
    Completions(Completions),
    /// Write the pages that are made from this command line: reference and manual.
    #[command(hide = true)]
    Pages(Pages),
}

#[derive(Debug, Args)]
pub(crate) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where its files go.
    ///
    /// A directory of an earlier demo is made anew; any other one is left alone.
    #[arg(long, default_value = "redistrict-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Students per district.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) students: u32,
    /// On PostgreSQL and Neo4j instead of files.
    ///
    /// Their URLs stand in REDISTRICT_DEMO_POSTGRES, REDISTRICT_DEMO_NEO4J_PROD and
    /// REDISTRICT_DEMO_NEO4J_CERT: `cargo xtask servers up` starts servers and prints the lines. The
    /// role of PostgreSQL must be allowed to create databases; the graphs must be empty. Databases
    /// called redistrict_demo_… and graphs of an earlier demo are made anew; what the demo did not
    /// make is left alone. The directory keeps the URLs, passwords among them, in files of mode 0600.
    #[arg(long)]
    pub(crate) servers: bool,
    /// Only make the estate and its configuration.
    #[arg(long, hide = true)]
    pub(crate) prepare_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The tenant root, `store.table`.
    ///
    /// If left out it is inferred from the table's name.
    #[arg(long, value_name = "TABLE")]
    pub(crate) root: Option<String>,
    /// `NAME=KIND:SOURCE_VARIABLE:TARGET_VARIABLE`.
    ///
    /// One store; may be given several times. If left out, every pair of variables like IDS_PROD_URL
    /// and IDS_CERT_URL is one.
    #[arg(long = "store", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
    /// Replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
    /// Only print what the administrators run: the least rights in PROD and in CERT.
    ///
    /// SQL with the reason of each line, for the tables of redistrict.toml if it is there, else for
    /// all of the catalogs. Nothing is granted or written. The role of the URLs needs no right but to
    /// log in. Statements that are needed in rare cases only stand there as comments.
    #[arg(long)]
    pub(crate) grants: bool,
    /// With --grants: one file for each database in this directory.
    ///
    /// `prod-ids.sql`, `cert-ids.sql` and so on, instead of all of it on the terminal: an administrator runs
    /// each in its own database.
    #[arg(long, value_name = "DIR", requires = "grants")]
    pub(crate) dir: Option<PathBuf>,
    /// The role that reads PROD, for --grants.
    #[arg(
        long,
        value_name = "ROLE",
        default_value = "redistrict_reader",
        requires = "grants"
    )]
    pub(crate) reader: String,
    /// The role that writes CERT, for --grants.
    #[arg(
        long,
        value_name = "ROLE",
        default_value = "redistrict_loader",
        requires = "grants"
    )]
    pub(crate) loader: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check redistrict.toml against the live catalogs.
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactsCommand {
    /// List them: run, district, rows, bytes, age, what is overdue.
    ///
    /// Raw artifacts that were shredded are listed too, as far as the journal knows them. Nothing is
    /// connected.
    #[command(alias = "list")]
    Ls(ArtifactsLs),
    /// Read every byte again and compare it with the manifest (exit 3 if one differs).
    Verify(ArtifactsVerify),
    /// Destroy the data key of a raw artifact and remove its files.
    ///
    /// Journal, log and report stay. It is refused while an unfinished run needs the artifact. What
    /// is shredded already is no error.
    Shred(ArtifactsShred),
}

#[derive(Debug, Args)]
pub(crate) struct ArtifactsLs {
    /// Only those of this district.
    pub(crate) district: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ArtifactsVerify {
    /// Only those of this run; all if left out.
    #[arg(conflicts_with = "all")]
    pub(crate) run: Option<String>,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ArtifactsShred {
    /// The run that extracted it.
    #[arg(required_unless_present = "overdue", conflicts_with = "overdue")]
    pub(crate) run: Option<String>,
    /// All that are older than `[retention] raw`.
    #[arg(long)]
    pub(crate) overdue: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send one message to the webhook and say what came back.
    Test,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// The repository, or wherever `docs` is to be.
    pub(crate) dir: PathBuf,
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
    ///
    /// Bytes are estimated from some rows of each table, the time from earlier migrations that the journal
    /// has.
    #[arg(long)]
    pub(crate) exact: bool,
    /// List also the tables of which no row comes.
    #[arg(long, conflicts_with = "sql")]
    pub(crate) all: bool,
    /// Print every statement that PROD sees in a migration, with its purpose.
    ///
    /// Found out by doing what a migration does, but for reading rows: keys are read. Values are
    /// bound, so that none is printed.
    #[arg(long, conflicts_with = "exact")]
    pub(crate) sql: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The table, as in the configuration: `store.schema.table`.
    ///
    /// Store and schema may be left out where there is only one table of that name.
    pub(crate) table: String,
    /// The row's key; values of several columns joined by commas.
    ///
    /// Given as several words, each word is the value of one column as it is, commas and blanks included.
    /// A value that begins with `-` stands behind `--`.
    #[arg(required = true, value_name = "KEY", allow_negative_numbers = true)]
    pub(crate) key: Vec<String>,
    /// The district: the value of the tenant root's key.
    #[arg(long, value_name = "DISTRICT")]
    pub(crate) district: String,
    /// The columns that KEY gives, joined by commas, where it is not the table's key.
    ///
    /// The only way to name a row of a table without a key. If several rows have these values, it is about
    /// the first of them.
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) by: Option<String>,
    /// Asks why it does not come: a row that does come ends the command with exit 2.
    #[arg(long)]
    pub(crate) not: bool,
    /// Print all keys of the chain, also those that are masked because they are about persons.
    ///
    /// Without it such values are left out of the answer, but for those that were typed.
    #[arg(long)]
    pub(crate) show_keys: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Classify {
    /// Bind the sheet to the plan of this district.
    pub(crate) district: Option<String>,
    /// Where decisions.csv and decisions.html are written (default: analysis in the data directory).
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
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
    /// Write nothing to CERT; print what a load would do.
    ///
    /// Everything before the load is done: extraction, masks, checks.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stay where somebody has to approve or another run is loading, and go on by itself after it.
    ///
    /// Without it the run is left there, with exit 9, and `redistrict resume` goes on.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) ask: AskBefore,
    /// Take the district's previous load out and the new one in. Not available yet.
    #[arg(long, hide = true)]
    pub(crate) replace: bool,
}

/// Approvals that this run needs besides those of the configuration.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AskBefore {
    /// Wait for somebody's approval before this step, whatever `[approvals]` says.
    ///
    /// May be given several times. The steps are those of `[approvals] before`: extract, anonymize,
    /// validate, load, report, undo.
    #[arg(long, value_name = "STEP")]
    pub(crate) ask_before: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The district: the value of the tenant root's key.
    pub(crate) district: String,
    /// Stay where somebody has to approve or another run is loading, and go on by itself after it.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) ask: AskBefore,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The run's id.
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) ask: AskBefore,
}

#[derive(Debug, Args)]
pub(crate) struct Mcp {
    /// What it is about: the runs (if left out), or one side's databases.
    #[arg(value_enum)]
    pub(crate) office: Option<McpOffice>,
    /// Listen on this port of 127.0.0.1 instead of the standard streams; 0 takes a free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) http: Option<u16>,
    /// Where the bearer token of --http stands (default: mcp-token in the state directory).
    ///
    /// Made on first use, with 32 random bytes, for its owner only. It is never printed.
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) token_file: Option<PathBuf>,
}

/// The servers that are about one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum McpOffice {
    /// Schema, numbers of rows, ranking.
    Prod,
    /// What is loaded, digests, drift.
    Cert,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertCommand {
    /// The runs that CERT's ledgers have.
    Loads,
    /// Digests of the tables that a run may write (default: the newest migration).
    Digests(OptionalRun),
    /// How the tables differ from what a run was planned on (default: the newest migration).
    Drift(OptionalRun),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgument {
    /// The run's id.
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The run's id.
    pub(crate) run: String,
    /// The digest that was shown, at least twelve digits of it; asked on a terminal.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// Who approves (default: the user of this session, or whoever called sudo; never root).
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run's id.
    pub(crate) run: Option<String>,
    /// Stay where somebody has to approve or another run is loading, and go on by itself after it.
    #[arg(long)]
    pub(crate) wait: bool,
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
    /// Stay where somebody has to approve or another run is loading, and go on by itself after it.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give the lease of a run back that this machine does not know, although it was heard of within the last
    /// minute: only if you know that nobody works on it any more.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) ask: AskBefore,
    /// Not available yet.
    #[arg(long, hide = true)]
    pub(crate) keep_foreign_changes: bool,
    /// Leave the rows in CERT that another run found there and relies on, and list them; they go when the last run
    /// that relies on them is taken back. Without it, such rows refuse the undo.
    #[arg(long)]
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

/// Whether a word is one of the commands.
pub(crate) fn is_command(word: &str) -> bool {
    Arguments::command()
        .get_subcommands()
        .any(|command| command.get_name() == word)
}

/// The format that was asked for, of arguments that could not be read.
pub(crate) fn format_of(arguments: &[OsString]) -> Format {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let next = words
        .windows(2)
        .find_map(|pair| (pair[0] == "--output").then_some(pair[1]));
    let joined = words.iter().find_map(|word| word.strip_prefix("--output="));
    match next.or(joined) {
        Some("json") => Format::Json,
        Some("jsonl") => Format::Jsonl,
        _ => Format::Text,
    }
}
