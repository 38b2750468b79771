//! The demo's graph. Its mark is the name of an index, so that no node of ours is among the rows. Blocks.

use std::collections::HashMap;

use super::OneServer;
use crate::config::StoreSide;
use crate::error::EstateError;
use crate::neo4j::Graph;

/// The index of a graph that is the demo's; nothing is in it.
const MARK: &str = "made_by_redistrict_demo";

/// What is in a graph that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Empty,
    /// Of an earlier demo.
    Ours,
}

/// Whether a graph is empty or the demo's; a schema without nodes is somebody's, too.
pub(super) fn look(url: &str, side: StoreSide) -> Result<Found, EstateError> {
    let one = OneGraph::open(url, side)?;
    let indexes = one.texts("look at", INDEXES)?;
    if indexes.iter().any(|name| name == MARK) {
        return Ok(Found::Ours);
    }
    let nodes = one.texts("look at", "match (n) return elementId(n) limit 1")?;
    if indexes.is_empty() && nodes.is_empty() {
        Ok(Found::Empty)
    } else {
        Err(EstateError::NotOurs(one.name))
    }
}

/// Marks an empty graph, empties one of ours; the mark is there before anything else and stays.
pub(super) fn make(url: &str, side: StoreSide, found: Found) -> Result<(), EstateError> {
    let one = OneGraph::open(url, side)?;
    if found == Found::Empty {
        let mark = format!("create index {MARK} for (n:RedistrictDemo) on (n.mark)");
        return one.texts("mark", &mark).map(|_| ());
    }
    let nodes = "match (n) call (n) { detach delete n } in transactions of 2000 rows";
    one.texts("empty", nodes)?;
    for name in one.texts("empty", "show constraints yield name return name")? {
        let sql = format!("drop constraint {} if exists", quoted(&name));
        one.texts("empty", &sql)?;
    }
    let indexes = one.texts("empty", INDEXES)?;
    for name in indexes.iter().filter(|name| *name != MARK) {
        let sql = format!("drop index {} if exists", quoted(name));
        one.texts("empty", &sql)?;
    }
    Ok(())
}

/// Those that every graph has are left out.
const INDEXES: &str = "show indexes yield name, type where type <> 'LOOKUP' return name";

struct OneGraph {
    graph: Graph,
    name: String,
}

impl OneGraph {
    fn open(url: &str, side: StoreSide) -> Result<Self, EstateError> {
        Ok(Self {
            graph: Graph::open(url)?,
            name: OneServer::Graph(side).to_string(),
        })
    }

    fn texts(&self, operation: &'static str, cypher: &str) -> Result<Vec<String>, EstateError> {
        self.graph
            .texts(operation, &self.name, cypher, HashMap::new())
    }
}

/// A backslash and `u` are a character's number in Cypher, before anything else is read.
fn quoted(name: &str) -> String {
    let name = name.replace("\\u", "\\u005cu").replace('`', "``");
    format!("`{name}`")
}
