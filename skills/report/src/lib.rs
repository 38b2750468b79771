//! Skill report: journal and manifests into Markdown and JSON.
