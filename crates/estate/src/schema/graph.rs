//! What a table is in a graph: nodes with a label, or relationships of a type.

/// The nodes or relationships that are the rows of a table.
#[derive(Clone, Copy, Debug)]
pub enum GraphTable {
    Node {
        /// The label that carries the key; the key is the table's.
        label: &'static str,
        /// The column with the node's other labels.
        labels: Option<&'static str>,
    },
    Relationship {
        /// The type.
        kind: &'static str,
        start: End,
        end: End,
        /// The property of the uniqueness constraint.
        key: Option<&'static str>,
    },
}

/// An end of a relationship.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The column with the key of a node of that label.
    Of {
        column: &'static str,
        label: &'static str,
    },
    /// The columns with label and key, as text.
    Any {
        label: &'static str,
        column: &'static str,
    },
}

impl End {
    /// The column with the key.
    #[must_use]
    pub fn column(&self) -> &'static str {
        match self {
            Self::Of { column, .. } | Self::Any { column, .. } => column,
        }
    }

    fn label_column(&self) -> Option<&'static str> {
        match self {
            Self::Of { .. } => None,
            Self::Any { label, .. } => Some(label),
        }
    }
}

impl GraphTable {
    /// `node.Person`, `rel.KNOWS`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Node { label, .. } => format!("node.{label}"),
            Self::Relationship { kind, .. } => format!("rel.{kind}"),
        }
    }

    /// Rows are told from each other by a constraint.
    #[must_use]
    pub fn has_key(&self) -> bool {
        match self {
            Self::Node { .. } => true,
            Self::Relationship { key, .. } => key.is_some(),
        }
    }

    /// The column that a relational column is in the graph's table.
    #[must_use]
    pub fn column<'a>(&self, column: &'a str) -> &'a str {
        match self {
            Self::Node { labels, .. } if *labels == Some(column) => ":labels",
            Self::Node { .. } => column,
            Self::Relationship { start, end, .. } => {
                let is = |found: Option<&str>| found == Some(column);
                if column == start.column() {
                    ":start"
                } else if column == end.column() {
                    ":end"
                } else if is(start.label_column()) {
                    ":start_label"
                } else if is(end.label_column()) {
                    ":end_label"
                } else {
                    column
                }
            }
        }
    }

    /// The column is a property, not an end or a label.
    #[must_use]
    pub fn is_property(&self, column: &str) -> bool {
        !self.column(column).starts_with(':')
    }
}
