//! `redistrict pages DIR`: writes the pages that are made from the command line and the exit codes.
//! For the repository and for packages; hidden from people.

use redistrict_artifact::ArtifactError;

use crate::args;
use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format};
use crate::reference;
use crate::session::Session;

/// Writes each page below the directory, and says which.
#[expect(
    clippy::disallowed_methods,
    reason = "pages are no files of a run: everybody may read them"
)]
pub(crate) fn run(session: &Session, arguments: &args::Pages) -> CommandResult<Exit> {
    let mut written = Vec::new();
    for page in reference::pages()? {
        let path = arguments.dir.join(&page.path);
        let parent = path.parent().unwrap_or(&arguments.dir);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, &page.text))
            .map_err(|source| ArtifactError::Io {
                doing: "write",
                path: path.clone(),
                source,
            })?;
        written.push(page.path);
    }
    if session.format() == Format::Text {
        output::data(written.join("\n"));
    } else {
        output::json(&serde_json::json!({ "pages": written }));
    }
    Ok(Exit::Done)
}
