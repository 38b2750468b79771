//! A report as a document: sections of paragraphs, lists and tables, before it is Markdown or HTML. Both
//! are made of the same sections, so they say the same. Texts are as they came: who writes them down makes
//! them harmless.

/// A part of the report with a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// For links within the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

impl Section {
    pub(crate) fn new(id: &'static str, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            blocks: Vec::new(),
        }
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    pub(crate) fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    pub(crate) fn table(self, table: Table) -> Self {
        self.block(Block::Table(table))
    }
}

/// What stands in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A paragraph.
    Text(String),
    List(Vec<String>),
    Facts(Vec<Fact>),
    Items(Vec<Item>),
    Table(Table),
    /// The time line of the run.
    Timeline,
}

/// A name and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    /// To be copied: a command, a path, a digest.
    pub(crate) is_code: bool,
}

impl Fact {
    pub(crate) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self {
            label,
            value: value.into(),
            is_code: false,
        }
    }

    pub(crate) fn code(label: &'static str, value: impl Into<String>) -> Self {
        Self {
            is_code: true,
            ..Self::new(label, value)
        }
    }
}

/// A finding or a check that did not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// `ERROR`, `WARNING`, `INFO`.
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) notes: Vec<String>,
    /// To be pasted.
    pub(crate) lines: Vec<String>,
}

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cells {
    Text,
    /// A word or two, never broken.
    Word,
    /// Aligned to the right.
    Number,
    /// Names and digests.
    Code,
    /// How something ended: its first word decides the mark.
    State,
}

/// A table with a heading of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// What it is, for those who do not see it.
    pub(crate) caption: &'static str,
    pub(crate) columns: Vec<(&'static str, Cells)>,
    pub(crate) rows: Vec<Vec<String>>,
    /// A number for each row, drawn as a bar where there is room for pictures.
    pub(crate) bars: Vec<u64>,
}

impl Table {
    pub(crate) fn new(
        caption: &'static str,
        columns: impl IntoIterator<Item = (&'static str, Cells)>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self {
            caption,
            columns: columns.into_iter().collect(),
            rows: rows.into_iter().collect(),
            bars: Vec::new(),
        }
    }

    pub(crate) fn with_bars(mut self, bars: impl IntoIterator<Item = u64>) -> Self {
        self.bars = bars.into_iter().collect();
        self
    }
}
