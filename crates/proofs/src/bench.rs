//! What things cost: `cargo xtask bench`. It drives the release build of the product as a user would, on
//! servers of its own, and the plain copy that it is compared with. Nothing is judged here but that both
//! moved the same rows; what the figures mean stands in docs/benchmarks.md.

mod children;
mod estate_size;
mod extract;
mod figures;
mod fleet;
mod machine;
mod migrate;
mod owner_paths;
mod page;
mod raw_copy;

use anyhow::Result;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub enum Bench {
    /// A migration of five stores beside a plain copy of its rows.
    Migrate {
        /// Students of the district; there are two districts.
        students: u32,
        /// Each way once a round, in turn.
        rounds: u32,
    },
    /// An extraction beside a plain reading of its rows.
    Extract {
        /// Students of the district; beside it there is a small one.
        students: u32,
        /// Each way once a round, in turn.
        rounds: u32,
    },
    /// The generator of the estate alone.
    Estate {
        /// In all districts together.
        students: u32,
    },
}

impl Bench {
    /// Measures. The result is a section of the page, in Markdown.
    ///
    /// # Errors
    /// Something could not be started or failed, or the ways that are compared moved different rows.
    pub fn measure(self) -> Result<String> {
        match self {
            Self::Migrate { students, rounds } => migrate::measure(students, rounds),
            Self::Extract { students, rounds } => extract::measure(students, rounds),
            Self::Estate { students } => estate_size::measure(students),
        }
    }

    /// The page with this section in the place of the old one.
    ///
    /// # Errors
    /// The page has no such section.
    pub fn put_into(self, page: &str, section: &str) -> Result<String> {
        let name = match self {
            Self::Migrate { .. } => "migrate",
            Self::Extract { .. } => "extract",
            Self::Estate { .. } => "estate",
        };
        page::replace(page, name, section)
    }
}
