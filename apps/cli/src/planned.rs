//! A plan with what it was made of, looked at again where a connection is lost; and what of PROD is never planned
//! because the server does not show it whole.

use redistrict_analyze::Settings;
use redistrict_closure::table_heading;
use redistrict_model::{Catalog, DistrictId, Finding, Plan, Table};

use crate::attempts::{Contact, attempts};
use crate::failure::CommandResult;
use crate::planning::{self, Source, Target};
use crate::session::Session;
use crate::wire::Workspace;

/// PROD and CERT looked at, and the plan of a district. What is lost on the way is looked at again.
pub(crate) async fn planned(
    session: &Session,
    workspace: &Workspace,
    district: &DistrictId,
    planned_for: For,
) -> CommandResult<(Source, Target, Plan)> {
    attempts(planned_for.contact(), async || {
        let mut source = planning::source_once(workspace).await?;
        let must_be_enrolled = planned_for == For::Run;
        let target =
            planning::target(session, workspace, &source.fingerprints(), must_be_enrolled).await?;
        let plan = planning::plan(workspace, &mut source, &target, district).await?;
        Ok((source, target, plan))
    })
    .await
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// To be looked at.
    Reader,
    /// To be carried out: its prerequisites were looked at just before.
    Run,
}

impl For {
    fn contact(self) -> Contact {
        match self {
            Self::Reader => Contact::None,
            Self::Run => Contact::Made,
        }
    }
}

/// Tables of which the server shows our role some rows only, if any: what comes would be less than the district.
pub(crate) fn hidden_rows(catalogs: &[Catalog], settings: &Settings) -> Vec<Finding> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let hidden = tables.filter(|table| {
        table.row_security && !settings.decisions.excluded.contains_key(&table.name)
    });
    let message = "row-level security is active on it for this user: rows would be missing, whatever its policies say, \
                   because only the server can tell what they hide. Give the user BYPASSRLS (`redistrict init \
                   --grants` prints it), or leave the table out";
    let finding = |table: &Table| {
        Finding::error("row-security", table.name.to_string(), message, 0).with_lines([
            table_heading(&table.name),
            "excluded = \"…the reason…\"     # or: alter role … bypassrls".to_owned(),
        ])
    };
    hidden.map(finding).collect()
}
