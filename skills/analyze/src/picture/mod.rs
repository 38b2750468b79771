//! The dependency graph as a picture for people: `dependency-graph.svg`. Boxes are tables, or groups of tables
//! where there are too many to look at; lines are references. Pure; decides nothing.

mod boxes;
mod curve;
mod lanes;
mod svg;

use redistrict_model::{Ownership, TableRef};

/// More boxes than that are not looked at.
const MOST_BOXES: usize = 60;

/// Draws an ownership. `order` are the sets of tables that refer to each other in a ring, as
/// [`table_order`](crate::table_order) gives them.
///
/// At most 60 boxes, whatever the schema: beyond that, tables of one role are drawn as one box, first rings,
/// then parts with their wholes, then tables that refer to the same ones, then what stands at the same place.
/// The same input gives the same bytes. Self-contained: no script, no font, nothing from elsewhere.
pub(crate) fn picture(ownership: &Ownership, order: &[Vec<TableRef>]) -> String {
    let graph = boxes::condense(ownership, order, MOST_BOXES);
    let placed = lanes::place(&graph);
    svg::draw(&graph, &placed)
}

#[cfg(test)]
mod tests;
