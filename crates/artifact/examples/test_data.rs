//! Writes what `test-data/v1` holds: a raw and a masked artifact of invented rows, under a key that is no
//! secret.
//!
//! Run once when the format is new: `cargo run -p redistrict-artifact --example test_data -- FOLDER`. The
//! files of a version are never made again; that later code still reads them is tested.
#![expect(clippy::unwrap_used, reason = "it may stop anywhere")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use redistrict_artifact::{
    ArtifactKind, ArtifactWriter, CutEntry, DanglingEntry, FORMAT_VERSION, Manifest, ManifestTable,
    PartEntry, RootKey, StoreEntry,
};
use redistrict_model::{DistrictId, Membership, PlanDigest, RunId, StoreName, TableRef};
use serde_json::json;

fn rows() -> RecordBatch {
    let columns: [(&str, ArrayRef); 8] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        (
            "name",
            Arc::new(StringArray::from(vec![
                Some("Ada"),
                None,
                Some("Zoë \u{1f600}"),
            ])),
        ),
        (
            "photo",
            Arc::new(BinaryArray::from_opt_vec(vec![
                Some(&[0, 255]),
                None,
                Some(&[]),
            ])),
        ),
        (
            "active",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        (
            "born",
            Arc::new(Date32Array::from(vec![Some(-1), Some(16_000), None])),
        ),
        (
            "gpa",
            Arc::new(Float64Array::from(vec![Some(3.5), Some(-0.0), None])),
        ),
        (
            "seen",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(1),
                None,
                Some(-1),
            ])),
        ),
        (
            "fee",
            Arc::new(
                Decimal128Array::from(vec![Some(1_050), None, Some(-1)])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

const MEMBERSHIP: [Membership; 3] = [Membership::Own, Membership::Shared, Membership::Stub];

fn parts(writer: &ArtifactWriter, table: &TableRef) -> Vec<PartEntry> {
    (0..2)
        .map(|number| {
            let mut part = writer.part(table, number, &rows().schema()).unwrap();
            part.write(&rows(), &MEMBERSHIP).unwrap();
            part.finish().unwrap()
        })
        .collect()
}

fn write(folder: &Path, kind: ArtifactKind, seal: Option<String>) -> String {
    let key = RootKey::new(&[1; 32]).unwrap();
    let run = RunId::new("mig-20260101T000000Z-001");
    let writer = match kind {
        ArtifactKind::Raw => ArtifactWriter::create_raw(folder, &run, &key),
        ArtifactKind::Masked => ArtifactWriter::open_masked(folder, &run, &key),
    }
    .unwrap();
    if kind == ArtifactKind::Raw {
        writer.write_blob("values", b"of invented persons").unwrap();
    }
    let table = TableRef::new(&StoreName::new("ids"), "public", "students");
    let empty = TableRef::new(&StoreName::new("ids"), "odd.schema", "T \"x\"");
    let columns: Vec<(String, String)> = rows()
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), "text".to_owned()))
        .collect();
    let entry = |table: &TableRef, parts: Vec<PartEntry>| ManifestTable {
        table: table.clone(),
        columns: columns.clone(),
        rows: 3 * parts.len() as u64,
        own: parts.len() as u64,
        shared: parts.len() as u64,
        stubs: parts.len() as u64,
        parts,
        dangling: vec![DanglingEntry {
            reference: "students (school_id) -> schools".to_owned(),
            rows: 1,
        }],
    };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind,
        run,
        district: DistrictId::new("2"),
        plan_digest: PlanDigest("00".into()),
        made_from: seal,
        stores: vec![StoreEntry {
            store: StoreName::new("ids"),
            kind: "postgres".into(),
            cut: CutEntry {
                snapshot: "00000003-0000001B-1".into(),
                at: "2026-01-01T00:00:00Z".into(),
            },
        }],
        tables: vec![
            entry(&table, parts(&writer, &table)),
            entry(&empty, Vec::new()),
        ],
        facts: json!({ "isolation": { "examined": 6 } }),
    };
    writer.seal(&manifest).unwrap()
}

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap());
    let raw = write(&folder.join("raw"), ArtifactKind::Raw, None);
    write(&folder.join("masked"), ArtifactKind::Masked, Some(raw));
}
