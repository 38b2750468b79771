//! The addresses of a run's documents: `redistrict://runs/{run}/{document}`, read exactly or not at all.

use rmcp::model::{Resource, ResourceTemplate};

use crate::answer::RunInList;
use crate::question::DocumentName;
use crate::words::{RunName, Text};

const BASE: &str = "redistrict://runs/";

/// The addresses of a run's documents.
#[must_use]
pub fn addresses(run: &RunName) -> Vec<Text> {
    DocumentName::ALL
        .iter()
        .map(|document| Text::from(address(run, *document)))
        .collect()
}

fn address(run: &RunName, document: DocumentName) -> String {
    format!("{BASE}{run}/{}", document.as_str())
}

/// The document at an address; none if the address is not one that we write.
pub(crate) fn at(address: &str) -> Option<(RunName, DocumentName)> {
    let (run, name) = address.strip_prefix(BASE)?.split_once('/')?;
    let document = DocumentName::ALL
        .into_iter()
        .find(|document| document.as_str() == name)?;
    Some((RunName::parse(run)?, document))
}

/// The resources of these runs.
pub(crate) fn of_runs(runs: &[RunInList]) -> Vec<Resource> {
    let pairs = runs.iter().flat_map(|run| {
        DocumentName::ALL
            .into_iter()
            .map(move |document| (&run.run, document))
    });
    pairs
        .map(|(run, document)| {
            let name = format!("{run} {}", document.as_str());
            Resource::new(address(run, document), name)
                .with_description(describe(document))
                .with_mime_type(document.media_type())
        })
        .collect()
}

/// The addresses of any run.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    DocumentName::ALL
        .into_iter()
        .map(|document| {
            let name = document.as_str();
            ResourceTemplate::new(format!("{BASE}{{run}}/{name}"), name)
                .with_description(describe(document))
                .with_mime_type(document.media_type())
        })
        .collect()
}

fn describe(document: DocumentName) -> &'static str {
    match document {
        DocumentName::Plan => "What the run moves and how: tables, roles, masks. No rows.",
        DocumentName::Verdict => "The verdict with every check. No rows.",
        DocumentName::ReportMarkdown => "The report, for people.",
        DocumentName::ReportJson => "The report, for programs.",
        DocumentName::Checklist => "The five phases and where they are.",
        DocumentName::Log => "The migration log.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_and_nothing_else_is_one() {
        let run = RunName::parse("mig-20260105T180000Z-001").unwrap();
        for document in DocumentName::ALL {
            assert_eq!(at(&address(&run, document)), Some((run.clone(), document)));
        }
        for other in [
            "redistrict://runs/mig-20260105T180000Z-001/",
            "redistrict://runs/mig-20260105T180000Z-001/key",
            "redistrict://runs/mig-20260105T180000Z-001/../log",
            "redistrict://runs/../mig-20260105T180000Z-001/log",
            "redistrict://runs/mig-20260105T180000Z-001/log?x",
            "redistrict://runs/mig-20260105T180000Z-001%2f/log",
            "REDISTRICT://runs/mig-20260105T180000Z-001/log",
            "file:///etc/passwd",
            "redistrict://run/mig-20260105T180000Z-001/log",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }
}
