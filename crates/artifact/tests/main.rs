//! An artifact from the outside: what is written is read, what is changed is noticed.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on may panic, and this one damages files on purpose"
)]

#[cfg(test)]
mod formats;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use redistrict_artifact::{
    Artifact, ArtifactError, ArtifactKind, ArtifactWriter, CutEntry, DataKey, FORMAT_VERSION,
    Manifest, ManifestTable, RootKey, StoreEntry,
};
use redistrict_model::{DistrictId, Membership, PlanDigest, RunId, StoreName, TableRef};

const SECRET: &str = "Priscilla Featherstonehaugh";

fn key() -> RootKey {
    RootKey::new(&[5; 32]).unwrap()
}

fn batch() -> RecordBatch {
    RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        (
            "name",
            Arc::new(StringArray::from(vec![Some(SECRET), None])),
        ),
    ])
    .unwrap()
}

fn write(dir: &Path, kind: ArtifactKind) -> Manifest {
    let run = RunId::new("mig-20260101T000000Z-1");
    let table = TableRef::new(&StoreName::new("ids"), "main", "students");
    let writer = match kind {
        ArtifactKind::Raw => ArtifactWriter::create_raw(dir, &run, &key()).unwrap(),
        ArtifactKind::Masked => ArtifactWriter::open_masked(dir, &run, &key()).unwrap(),
    };
    let mut part = writer.part(&table, 0, &batch().schema()).unwrap();
    part.write(&batch(), &[Membership::Own, Membership::Stub])
        .unwrap();
    let part = part.finish().unwrap();
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind,
        run,
        district: DistrictId::new("2"),
        plan_digest: PlanDigest("00".into()),
        made_from: None,
        stores: vec![StoreEntry {
            store: StoreName::new("ids"),
            kind: "sqlite".into(),
            cut: CutEntry {
                snapshot: "1".into(),
                at: "2026-01-01T00:00:00Z".into(),
            },
        }],
        tables: vec![ManifestTable {
            table,
            columns: vec![
                ("id".into(), "INTEGER".into()),
                ("name".into(), "TEXT".into()),
            ],
            rows: 2,
            own: 1,
            shared: 0,
            stubs: 1,
            parts: vec![part],
            dangling: Vec::new(),
        }],
        facts: serde_json::Value::Null,
    };
    writer.seal(&manifest).unwrap();
    manifest
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn rows_come_back_with_their_membership_in_both_kinds() {
    for kind in [ArtifactKind::Raw, ArtifactKind::Masked] {
        let dir = tempfile::tempdir().unwrap();
        let manifest = write(dir.path(), kind);
        let artifact = Artifact::open(dir.path(), &key()).unwrap();
        artifact.verify().unwrap();
        assert_eq!(*artifact.manifest(), manifest);
        let rows: Vec<_> = artifact
            .rows(&manifest.tables[0].table)
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(rows, [(batch(), vec![Membership::Own, Membership::Stub])]);
    }
}

#[test]
fn no_byte_of_a_raw_artifact_shows_a_value() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), ArtifactKind::Raw);
    let needle = SECRET.as_bytes();
    for path in files(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(needle.len()).any(|window| window == needle),
            "{path:?}"
        );
        assert!(
            !bytes.windows(8).any(|window| window == &needle[..8]),
            "{path:?}"
        );
    }
}

#[test]
fn every_flipped_byte_of_every_file_is_noticed() {
    for kind in [ArtifactKind::Raw, ArtifactKind::Masked] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), kind);
        for path in files(dir.path()) {
            let bytes = std::fs::read(&path).unwrap();
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                std::fs::write(&path, &changed).unwrap();
                let verified =
                    Artifact::open(dir.path(), &key()).and_then(|artifact| artifact.verify());
                assert!(verified.is_err(), "{path:?} byte {at}");
            }
            std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            let cut = Artifact::open(dir.path(), &key()).and_then(|artifact| artifact.verify());
            assert!(cut.is_err(), "{path:?} shortened");
            std::fs::write(&path, &bytes).unwrap();
        }
        Artifact::open(dir.path(), &key())
            .unwrap()
            .verify()
            .unwrap();
    }
}

#[test]
fn another_root_key_opens_nothing_and_a_shredded_artifact_stays_shut() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), ArtifactKind::Raw);
    let other = RootKey::new(&[8; 32]).unwrap();
    assert!(matches!(
        Artifact::open(dir.path(), &other),
        Err(ArtifactError::Corrupt { .. })
    ));
    DataKey::shred(dir.path()).unwrap();
    assert!(Artifact::open(dir.path(), &key()).is_err());
}

#[test]
fn what_was_not_sealed_is_no_artifact() {
    let dir = tempfile::tempdir().unwrap();
    ArtifactWriter::open_masked(dir.path(), &RunId::new("r"), &key()).unwrap();
    assert!(matches!(
        Artifact::open(dir.path(), &key()),
        Err(ArtifactError::NotSealed { .. })
    ));
    assert_eq!(Artifact::newest(dir.path()), None);
}
