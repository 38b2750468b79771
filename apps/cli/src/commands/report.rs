//! `redistrict report`: writes the report of a run again, from the journal and the manifests.

use redistrict_model::RunId;
use redistrict_report::ReportSkill;

use crate::args;
use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format};
use crate::person;
use crate::session::Session;

/// Writes Markdown and JSON.
pub(crate) fn run(session: &Session, arguments: &args::RunArgument) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let key = workspace.root_key()?;
    let run = RunId::new(arguments.run.clone());
    person::state_of(journal.as_ref(), &run)?;
    let data = ReportSkill::new(workspace.layout.clone(), journal, key).write(&run)?;
    if session.format() == Format::Text {
        for file in &data.reports {
            output::data(file);
        }
    } else {
        output::json(&serde_json::json!({ "run": run, "reports": data.reports }));
    }
    Ok(Exit::Done)
}
