//! Writes `docs/reference/types.md` from the table of types that the proofs and the tests use.

use std::path::Path;

use anyhow::{Context, Result};
use redistrict_testkit::types::{PAGE_PATH, page};

#[expect(
    clippy::disallowed_methods,
    reason = "a page of the repository is no file of a run"
)]
fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(PAGE_PATH);
    std::fs::create_dir_all(path.parent().context("find the folder of the page")?)?;
    std::fs::write(&path, page()).with_context(|| format!("write {PAGE_PATH}"))
}
