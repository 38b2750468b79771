//! `redistrict analyze`.

use redistrict_model::Role;

use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format};
use crate::planning;
use crate::session::Session;

/// Reads every catalog anew and writes `data/analysis`.
pub(crate) async fn run(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let source = planning::source(&workspace, true).await?;
    let dir = workspace.layout.analysis();
    let roles = &source.analysis.ownership.tables;
    if session.format() == Format::Text {
        let rows: Vec<Vec<String>> = roles
            .iter()
            .map(|role| {
                vec![
                    role.table.to_string(),
                    role.role.to_string(),
                    role.reason.clone(),
                ]
            })
            .collect();
        output::data(output::table(&["table", "role", "why"], &rows));
        output::note(format!("\nwritten to {}", dir.display()));
    } else {
        output::json(&serde_json::json!({
            "directory": dir,
            "tables": roles,
            "edges": source.analysis.ownership.edges.len(),
            "order": source.analysis.order,
        }));
    }
    if let Err(findings) = source.extract_section() {
        output::findings(&findings);
        let unknown = roles
            .iter()
            .filter(|role| role.role == Role::Unknown)
            .count();
        output::note(format!(
            "{} things to settle before a district can move ({unknown} tables of role unknown)",
            findings.len()
        ));
    }
    Ok(Exit::Done)
}
