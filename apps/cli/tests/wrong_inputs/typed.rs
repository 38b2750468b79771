//! What a person types wrong.

use super::table::{Row, Said, row, typed};

/// As [`rows`](super::table::rows) has them.
#[expect(clippy::too_many_lines, reason = "one table, a row for each input")]
pub(super) fn command_lines() -> Vec<Row> {
    let runs = "runs` lists them";
    let no_run = (2, "the journal does not have it", runs);
    let help = "--help";
    vec![
        typed(
            "a word that is no command",
            Said::Typed,
            &["SECRET"],
            (2, "unrecognized subcommand", help),
        ),
        typed(
            "an option that is none",
            Said::Typed,
            &["migrate", "2", "--SECRET"],
            (2, "unexpected argument", help),
        ),
        typed(
            "a shell that is none",
            Said::Typed,
            &["completions", "SECRET"],
            (2, "invalid value", "bash, elvish"),
        ),
        typed(
            "a configuration that is not there",
            Said::Typed,
            &["runs", "--config", "SECRET.toml"],
            (3, "there is no such file", "init"),
        ),
        typed(
            "a district that is not there",
            Said::Typed,
            &["migrate", "SECRET"],
            (2, "has no row with that key", "select` lists the districts"),
        ),
        typed(
            "a plan of a district that is not there",
            Said::Typed,
            &["plan", "SECRET"],
            (2, "has no row with that key", "select` lists the districts"),
        ),
        typed(
            "why, of a table that is not there",
            Said::Typed,
            &["why", "SECRET", "1", "--district", "2"],
            (2, "find table", "analyze` lists the tables"),
        ),
        typed(
            "why, of a row that is not there",
            Said::Typed,
            &["why", "ids.guardians", "SECRET", "--district", "2"],
            (2, "none has these values of (id)", "sign by sign"),
        ),
        typed(
            "why, of a column that is not there",
            Said::Typed,
            &[
                "why",
                "ids.guardians",
                "1",
                "--district",
                "2",
                "--by",
                "SECRET",
            ],
            (2, "find column", "--by COLUMN"),
        ),
        typed(
            "why, of a district that is not there",
            Said::Typed,
            &["why", "ids.guardians", "1", "--district", "SECRET"],
            (2, "has no row with that key", "select` lists the districts"),
        ),
        typed(
            "a URL where a district belongs",
            Said::Login,
            &["migrate", "postgres://u:SECRET@127.0.0.1/d"],
            (2, "has no row with that key", "select` lists the districts"),
        ),
        typed(
            "a URL where a command belongs",
            Said::Login,
            &["postgres://u:SECRET@127.0.0.1/d"],
            (2, "unrecognized subcommand", help),
        ),
        typed(
            "a URL where a variable belongs",
            Said::Login,
            &[
                "init",
                "--force",
                "--store",
                "s=postgres:postgres://u:SECRET@h/d:X",
            ],
            (2, "read --store", "IDS_PROD_URL"),
        ),
        Row {
            said: Said::Typed,
            ..row(
                "a tenant root that is not there",
                &[
                    "init",
                    "--force",
                    "--store",
                    "ids=sqlite:A_SOURCE:A_TARGET",
                    "--root",
                    "ids.SECRET",
                ],
                (2, "use --root", "--root STORE.TABLE"),
                |place| {
                    place.set("A_SOURCE", "prod/ids.db");
                    place.set("A_TARGET", "cert/ids.db");
                },
            )
        },
        typed(
            "the state of a run that is not there",
            Said::Typed,
            &["status", "SECRET"],
            no_run,
        ),
        typed(
            "the report of a run that is not there",
            Said::Typed,
            &["report", "SECRET"],
            no_run,
        ),
        typed(
            "to follow a run that is not there",
            Said::Typed,
            &["watch", "SECRET"],
            no_run,
        ),
        typed(
            "to resume a run that is not there",
            Said::Typed,
            &["resume", "SECRET"],
            no_run,
        ),
        typed(
            "to take back a run that is not there",
            Said::Typed,
            &["rollback", "SECRET"],
            no_run,
        ),
        typed(
            "to cancel a run that is not there",
            Said::Typed,
            &["cancel", "SECRET"],
            no_run,
        ),
        typed(
            "to approve a run that is not there",
            Said::Typed,
            &["approve", "SECRET", "--digest", "SECRET", "--by", "SECRET"],
            no_run,
        ),
        typed(
            "to approve a run that asks for nothing",
            Said::Login,
            &["approve", "RUN", "--digest", "SECRET", "--by", "SECRET"],
            (2, "does not wait for an approval", "status"),
        ),
        typed(
            "to verify what no run has made",
            Said::Typed,
            &["artifacts", "verify", "SECRET"],
            no_run,
        ),
        typed(
            "to shred what no run has made",
            Said::Typed,
            &["artifacts", "shred", "SECRET"],
            no_run,
        ),
        typed(
            "a store that is not there",
            Said::Typed,
            &["enroll", "SECRET", "--name", "SECRET"],
            (2, "the configuration has no such store", "enroll ids"),
        ),
    ]
}
