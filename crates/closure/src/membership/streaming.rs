//! By which reference the rows of a table are asked for, where they stream by.

use redistrict_model::{EdgeId, TableRef};

use super::closure::Closure;

impl Closure {
    /// The owner over which whole rows of a table stream by; none where they are asked for by their keys. Only
    /// after [`letting_pass`](Self::letting_pass).
    #[must_use]
    pub fn streams_by(&self, table: &TableRef) -> Option<EdgeId> {
        let layout = &self.facts.layout;
        let position = layout.position(table)?;
        let table = &layout.tables[position];
        let mut owners = table.paths.iter().chain(&table.hangs);
        let first = owners.next().filter(|_| self.trailing.passes(position))?;
        Some(layout.edge_ids[*first as usize])
    }
}
