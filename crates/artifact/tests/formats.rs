//! Artifacts of every version that was ever written are read by today's code.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use redistrict_artifact::{Artifact, ArtifactError, ArtifactKind, RootKey};
use redistrict_model::Membership;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("test-data/v1")
        .join(kind)
}

#[test]
fn artifacts_of_the_first_version_are_read_value_by_value() {
    let key = RootKey::new(&[1; 32]).unwrap();
    let raw = Artifact::open(&folder("raw"), &key).unwrap();
    let masked = Artifact::open(&folder("masked"), &key).unwrap();
    assert_eq!(raw.manifest().kind, ArtifactKind::Raw);
    assert_eq!(masked.manifest().made_from.as_deref(), Some(raw.seal()));
    let blob = raw.read_blob("values").unwrap().unwrap();
    assert_eq!(&**blob, b"of invented persons");
    for artifact in [&raw, &masked] {
        artifact.verify().unwrap();
        let tables = &artifact.manifest().tables;
        assert_eq!(
            tables[1].table.to_string(),
            "ids.\"odd.schema\".\"T \"\"x\"\"\""
        );
        assert_eq!(tables[1].rows, 0);
        let batches: Vec<_> = artifact
            .rows(&tables[0].table)
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(batches.len(), 2);
        for (batch, membership) in batches {
            assert_eq!(
                membership,
                [Membership::Own, Membership::Shared, Membership::Stub]
            );
            let column = |name: &str| batch.column_by_name(name).unwrap();
            assert_eq!(
                column("id").as_primitive::<Int64Type>().values(),
                &[1, 2, 3]
            );
            let names = column("name").as_string::<i32>();
            assert!(names.is_null(1));
            assert_eq!((names.value(0), names.value(2)), ("Ada", "Zoë \u{1f600}"));
            assert_eq!(column("photo").as_binary::<i32>().value(0), [0, 255]);
            assert!(column("active").as_boolean().value(0));
            assert_eq!(column("born").as_primitive::<Date32Type>().value(0), -1);
            let seen = column("seen").as_primitive::<TimestampMicrosecondType>();
            assert_eq!((seen.value(0), seen.value(2)), (1, -1));
            let fee = column("fee").as_primitive::<Decimal128Type>();
            assert_eq!((fee.value(0), fee.scale()), (1_050, 2));
        }
    }
}

#[test]
fn another_root_key_reads_nothing_of_them() {
    let other = RootKey::new(&[2; 32]).unwrap();
    for kind in ["raw", "masked"] {
        let error = Artifact::open(&folder(kind), &other).err().unwrap();
        assert!(
            matches!(
                error,
                ArtifactError::WrongKey { .. } | ArtifactError::Corrupt { .. }
            ),
            "{error:?}"
        );
    }
}
