//! The references as people know them, where those that are evaluated are others.

use redistrict_model::Edge;

use super::closure::Closure;

impl Closure {
    /// Says of references what `edges` say, which have the same ids: those that were there before
    /// [`evaluable`](crate::evaluable) made tables of what stands inside of values. A link from inside of
    /// values with the policy `exclude` then takes out the rows that hold the values.
    #[must_use]
    pub fn describing(mut self, edges: &[Edge]) -> Self {
        let known = &mut self.facts.layout.descriptions;
        for (known, edge) in known.iter_mut().zip(edges) {
            known.clone_from(edge);
        }
        self
    }
}
