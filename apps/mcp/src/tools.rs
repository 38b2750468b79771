//! The tools of each server: names, schemas, hints, and the question that each one asks.

use std::sync::Arc;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::answer;
use crate::question::{
    ClassifyOf, CountsOf, MigrationOf, NewestFirst, Nothing, OfDistrict, OfRun, OfRunOrNewest,
    Page, PlanOf, Question, SchemaOf, SkillName, StatusOf, UndoOf,
};
use crate::server::Office;

/// What a call asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Question(Question),
    /// Where a run is, with waiting.
    Status(StatusOf),
}

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Looks,
    /// It writes files of ours: an analysis, a report.
    Notes,
    /// It starts a run that writes nothing to CERT.
    Works,
    /// It starts or ends what may change CERT, once a person has approved.
    Changes,
}

/// A tool.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    title: &'static str,
    description: &'static str,
    effect: Effect,
    input: fn() -> Arc<JsonObject>,
    output: fn() -> Arc<JsonObject>,
    read: fn(JsonObject) -> Result<Asked, String>,
}

impl Entry {
    /// As it is listed.
    pub(crate) fn tool(&self) -> Tool {
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(self.effect == Effect::Looks)
            .destructive(self.effect == Effect::Changes)
            .idempotent(matches!(self.effect, Effect::Looks | Effect::Notes))
            .open_world(false);
        Tool::new(self.name, self.description, (self.input)())
            .with_title(self.title)
            .with_raw_output_schema((self.output)())
            .with_annotations(annotations)
    }

    /// What a call with these arguments asks for; or what is wrong with them.
    pub(crate) fn asked(&self, arguments: JsonObject) -> Result<Asked, String> {
        (self.read)(arguments)
    }
}

fn input<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    schema_for_input::<T>().expect("arguments are an object")
}

fn output<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    schema_for_output::<T>()
}

fn read<T: DeserializeOwned>(
    arguments: JsonObject,
    question: impl FnOnce(T) -> Question,
) -> Result<Asked, String> {
    parse(arguments).map(|read| Asked::Question(question(read)))
}

fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::Object(arguments)).map_err(|error| error.to_string())
}

/// The tools of a server.
pub(crate) fn of(office: Office) -> &'static [Entry] {
    match office {
        Office::Orchestrator => ORCHESTRATOR,
        Office::Prod => PROD,
        Office::Cert => CERT,
    }
}

const ORCHESTRATOR: &[Entry] = &[
    Entry {
        name: "doctor",
        title: "Look at every store",
        description: "Everything that could stop a run, in one list: configuration, credentials, reach, \
                      enrolment, rights, disk. Each with what a person does about it.",
        effect: Effect::Looks,
        input: input::<Nothing>,
        output: output::<answer::Prerequisites>,
        read: |arguments| read(arguments, |Nothing {}| Question::Doctor),
    },
    Entry {
        name: "analyze",
        title: "Read the catalogs",
        description: "Reads the catalogs of PROD anew and says the role of each table and why. Reads \
                      PROD only; writes the analysis files.",
        effect: Effect::Notes,
        input: input::<Page>,
        output: output::<answer::Analysis>,
        read: |arguments| read(arguments, Question::Analyze),
    },
    Entry {
        name: "select",
        title: "Rank the districts",
        description: "Ranks the districts by size, activity, completeness and priority, and proposes \
                      pilots. Reads PROD only.",
        effect: Effect::Notes,
        input: input::<Nothing>,
        output: output::<answer::Ranking>,
        read: |arguments| read(arguments, |Nothing {}| Question::Select),
    },
    Entry {
        name: "plan",
        title: "What would move",
        description: "What a migration of the district would move: roles, owners, numbers of rows, what \
                      is in the way. Reads only. Nothing is started.",
        effect: Effect::Looks,
        input: input::<PlanOf>,
        output: output::<answer::Plan>,
        read: |arguments| read(arguments, Question::Plan),
    },
    Entry {
        name: "classify",
        title: "Every column's decision",
        description: "What is decided about every column: class, mask, and why. Also writes the sheet \
                      that a person signs.",
        effect: Effect::Notes,
        input: input::<ClassifyOf>,
        output: output::<answer::Decisions>,
        read: |arguments| read(arguments, Question::Classify),
    },
    Entry {
        name: "migrate",
        title: "Migrate a district",
        description: "Starts the five phases: extract, anonymize, validate, load, report. Answers as \
                      soon as the run exists; follow it with status. Before it loads into CERT it waits \
                      until a person has approved it in a terminal, then it goes on by itself. With \
                      dry_run or skip_load it writes nothing to CERT and waits for nobody.",
        effect: Effect::Changes,
        input: input::<MigrationOf>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, Question::Migrate),
    },
    Entry {
        name: "status",
        title: "Where a run is",
        description: "Where a run is (default: the newest), what it needs and of whom. Waits if asked \
                      to (wait_seconds), and tells its progress meanwhile. After a person was asked to \
                      approve, wait_for \"change\" waits until they have.",
        effect: Effect::Looks,
        input: input::<StatusOf>,
        output: output::<answer::Run>,
        read: |arguments| parse(arguments).map(Asked::Status),
    },
    Entry {
        name: "runs",
        title: "List the runs",
        description: "The runs, the newest first.",
        effect: Effect::Looks,
        input: input::<NewestFirst>,
        output: output::<answer::Runs>,
        read: |arguments| read(arguments, Question::Runs),
    },
    Entry {
        name: "resume",
        title: "Go on with a run",
        description: "Goes on with an unfinished run, after an interruption or once credentials are \
                      mended. A run that may write to CERT without an approval is refused: a person \
                      resumes it in a terminal.",
        effect: Effect::Changes,
        input: input::<OfRun>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, Question::Resume),
    },
    Entry {
        name: "cancel",
        title: "Give a run up",
        description: "Gives an unfinished run up. What it had begun to load is taken back by an undo \
                      that waits for a person's approval.",
        effect: Effect::Changes,
        input: input::<OfRun>,
        output: output::<answer::Cancelled>,
        read: |arguments| read(arguments, Question::Cancel),
    },
    Entry {
        name: "rollback",
        title: "Take a run out of CERT again",
        description: "Starts an undo of a run (of an undo: puts the rows in again). It waits until a \
                      person has approved it in a terminal. With dry_run it only says whether it could \
                      be done.",
        effect: Effect::Changes,
        input: input::<UndoOf>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, Question::Rollback),
    },
    Entry {
        name: "extract",
        title: "Only extract",
        description: "Starts only the extraction of a district: a raw, encrypted artifact. PROD is only \
                      read.",
        effect: Effect::Works,
        input: input::<OfDistrict>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, |of| Question::Skill(SkillName::Extract, of)),
    },
    Entry {
        name: "anonymize",
        title: "Only anonymize",
        description: "Starts only the masking of the last sealed raw artifact of a district, with the \
                      proof that nothing leaked.",
        effect: Effect::Works,
        input: input::<OfDistrict>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, |of| Question::Skill(SkillName::Anonymize, of)),
    },
    Entry {
        name: "validate",
        title: "Only validate",
        description: "Starts only the checks of the last sealed masked artifact of a district.",
        effect: Effect::Works,
        input: input::<OfDistrict>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, |of| Question::Skill(SkillName::Validate, of)),
    },
    Entry {
        name: "load",
        title: "Only load",
        description: "Starts only the load of the last validated masked artifact of a district. It waits \
                      until a person has approved it in a terminal, then it goes on by itself.",
        effect: Effect::Changes,
        input: input::<OfDistrict>,
        output: output::<answer::Run>,
        read: |arguments| read(arguments, |of| Question::Skill(SkillName::Load, of)),
    },
    Entry {
        name: "report",
        title: "The report of a run",
        description: "Writes the report of a run again and gives what it says. The whole report is in \
                      the resources.",
        effect: Effect::Notes,
        input: input::<OfRun>,
        output: output::<answer::Report>,
        read: |arguments| read(arguments, Question::Report),
    },
];

const PROD: &[Entry] = &[
    Entry {
        name: "schema",
        title: "Tables of PROD",
        description: "Tables, columns, keys and roles as the catalogs of PROD describe them. Default \
                      values, enum labels and constraints' texts are left out: they may hold values.",
        effect: Effect::Looks,
        input: input::<SchemaOf>,
        output: output::<answer::Schema>,
        read: |arguments| read(arguments, Question::Schema),
    },
    Entry {
        name: "counts",
        title: "Numbers of rows",
        description: "How many rows the tables of PROD hold: the catalogs' estimates, or exactly those \
                      of one district.",
        effect: Effect::Looks,
        input: input::<CountsOf>,
        output: output::<answer::Counts>,
        read: |arguments| read(arguments, Question::Counts),
    },
    Entry {
        name: "ranking",
        title: "Rank the districts",
        description: "The districts by size, activity, completeness and priority, with pilots.",
        effect: Effect::Notes,
        input: input::<Nothing>,
        output: output::<answer::Ranking>,
        read: |arguments| read(arguments, |Nothing {}| Question::Select),
    },
];

const CERT: &[Entry] = &[
    Entry {
        name: "loads",
        title: "What is loaded",
        description: "The runs that CERT's own ledgers have, and whether their rows stand.",
        effect: Effect::Looks,
        input: input::<Nothing>,
        output: output::<answer::Loads>,
        read: |arguments| read(arguments, |Nothing {}| Question::Loads),
    },
    Entry {
        name: "digests",
        title: "Digests of tables",
        description: "Keyed digests of CERT's tables that a run may write: equal digests, equal rows.",
        effect: Effect::Looks,
        input: input::<OfRunOrNewest>,
        output: output::<answer::Digests>,
        read: |arguments| read(arguments, Question::Digests),
    },
    Entry {
        name: "drift",
        title: "What changed since",
        description: "How CERT's tables differ from what they were when a run was planned.",
        effect: Effect::Looks,
        input: input::<OfRunOrNewest>,
        output: output::<answer::Drift>,
        read: |arguments| read(arguments, Question::Drift),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Office; 3] = [Office::Orchestrator, Office::Prod, Office::Cert];

    #[test]
    fn every_tool_is_closed_and_says_what_it_answers() {
        for entry in ALL.into_iter().flat_map(of) {
            let tool = entry.tool();
            let input = serde_json::Value::Object(tool.input_schema.as_ref().clone());
            assert_eq!(input["additionalProperties"], false, "{}", tool.name);
            let output = tool.output_schema.expect("every tool has an output schema");
            assert_eq!(output["type"], "object", "{}", tool.name);
            assert!(tool.annotations.is_some());
        }
    }

    #[test]
    fn no_tool_takes_a_statement_a_path_or_an_approval() {
        let words = [
            "sql", "cypher", "query", "path", "file", "command", "digest", "approve", "by",
        ];
        for entry in ALL.into_iter().flat_map(of) {
            assert!(!entry.name.contains("approve"));
            let input = (entry.input)();
            let names: Vec<&String> = match input.get("properties") {
                Some(serde_json::Value::Object(properties)) => properties.keys().collect(),
                _ => Vec::new(),
            };
            for name in names {
                assert!(!words.contains(&name.as_str()), "{}: {name}", entry.name);
            }
        }
    }
}
