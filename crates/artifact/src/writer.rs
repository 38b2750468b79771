//! Writes an artifact: parts, then the seal.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use redistrict_model::{Membership, RunId, TableRef};

use crate::MEMBERSHIP_COLUMN;
use crate::blob;
use crate::digest::sha256_hex_of;
use crate::encryption::DataKey;
use crate::error::ArtifactError;
use crate::files::{create_private_dir, create_private_file, io_error, sync_dir};
use crate::manifest::{Manifest, PartEntry};
use crate::paths::table_dir;
use crate::reader::Artifact;
use crate::root_key::RootKey;

/// A part in progress holds about so many bytes at most.
const ROW_GROUP_MEMORY: usize = 2 << 20;

/// Writes the parts of one artifact. Parts of different tables may be written at the same time.
pub struct ArtifactWriter {
    dir: PathBuf,
    run: RunId,
    root: RootKey,
    data_key: Option<DataKey>,
}

impl ArtifactWriter {
    /// Begins a raw, encrypted artifact in `dir`; what an earlier attempt left there is removed.
    ///
    /// # Errors
    /// The directory or the data key cannot be made.
    pub fn create_raw(dir: &Path, run: &RunId, root: &RootKey) -> Result<Self, ArtifactError> {
        if dir.exists() {
            std::fs::remove_dir_all(dir).map_err(io_error("remove", dir))?;
        }
        create_private_dir(dir)?;
        let data_key = DataKey::create(dir, run, root)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            run: run.clone(),
            root: root.clone(),
            data_key: Some(data_key),
        })
    }

    /// Begins or continues a masked, plain artifact in `dir`.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open_masked(dir: &Path, run: &RunId, root: &RootKey) -> Result<Self, ArtifactError> {
        create_private_dir(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            run: run.clone(),
            root: root.clone(),
            data_key: None,
        })
    }

    /// The artifact's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the writer of one part of a table. `schema` has the table's columns, without the
    /// membership column. A part of the same number that is there is replaced.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn part(
        &self,
        table: &TableRef,
        number: u32,
        schema: &Arc<Schema>,
    ) -> Result<TableWriter, ArtifactError> {
        let dir = table_dir(&self.dir, table, &self.root);
        create_private_dir(&dir)?;
        let path = dir.join(format!("part-{number:05}.parquet"));
        let relative = relative(&path, &self.dir);
        let parquet_error = |source| ArtifactError::Parquet {
            doing: "begin",
            path: path.clone(),
            source,
        };
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_created_by("redistrict".to_owned());
        if let Some(key) = &self.data_key {
            let encryption = key
                .encryption(&place(&self.run, &relative))
                .map_err(parquet_error)?;
            properties = properties.with_file_encryption_properties(encryption);
        }
        let schema = with_membership(schema);
        let file = create_private_file(&path)?;
        let parquet_error = |source| ArtifactError::Parquet {
            doing: "begin",
            path: path.clone(),
            source,
        };
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties.build()))
            .map_err(parquet_error)?;
        Ok(TableWriter {
            writer,
            schema,
            path,
            relative,
            table: table.clone(),
            rows: 0,
        })
    }

    /// Writes small encrypted data beside the parts (a raw artifact only), for later phases of the
    /// same run.
    ///
    /// # Errors
    /// [`ArtifactError::WrongKey`] if the artifact is not encrypted.
    pub fn write_blob(&self, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        blob::write(&self.dir, &self.run, self.data_key.as_ref(), name, bytes)
    }

    /// The artifact as far as its parts were ended, to be looked at before it is sealed: the manifest says which
    /// parts there are.
    #[must_use]
    pub fn unsealed(&self, manifest: &Manifest) -> Artifact {
        Artifact::of_writer(&self.dir, manifest, self.data_key.clone())
    }

    /// Seals the artifact. From now on it exists; its parts must not be written again.
    ///
    /// # Errors
    /// The manifest cannot be written.
    pub fn seal(&self, manifest: &Manifest) -> Result<String, ArtifactError> {
        manifest.write(&self.dir, &self.root)?;
        Ok(manifest.seal(&self.root))
    }
}

/// Writes one part.
pub struct TableWriter {
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
    path: PathBuf,
    relative: String,
    table: TableRef,
    rows: u64,
}

impl TableWriter {
    /// Adds rows with their membership, one per row.
    ///
    /// # Errors
    /// Columns that are not those of the part, or a failing disk.
    pub fn write(
        &mut self,
        batch: &RecordBatch,
        membership: &[Membership],
    ) -> Result<(), ArtifactError> {
        let codes: UInt8Array = membership.iter().map(|one| Some(one.code())).collect();
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(codes) as ArrayRef);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|_| {
            ArtifactError::SchemaChanged {
                table: self.table.to_string(),
            }
        })?;
        self.rows += batch.num_rows() as u64;
        let written = self.writer.write(&batch).and_then(|()| {
            // A row group stands in memory until it is whole.
            if self.writer.memory_size() > ROW_GROUP_MEMORY {
                self.writer.flush()?;
            }
            Ok(())
        });
        written.map_err(|source| ArtifactError::Parquet {
            doing: "write",
            path: self.path.clone(),
            source,
        })
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the part: flushed, synced, digested.
    ///
    /// # Errors
    /// A failing disk.
    pub fn finish(self) -> Result<PartEntry, ArtifactError> {
        let Self {
            writer,
            path,
            relative,
            rows,
            ..
        } = self;
        let file = writer
            .into_inner()
            .map_err(|source| ArtifactError::Parquet {
                doing: "end",
                path: path.clone(),
                source,
            })?;
        file.sync_all().map_err(io_error("sync", &path))?;
        sync_dir(path.parent().unwrap_or(&path))?;
        let (bytes, sha256) = file_digest(&path)?;
        Ok(PartEntry {
            file: relative,
            rows,
            bytes,
            sha256,
        })
    }
}

/// Length and SHA-256 of a file, read piece by piece.
pub(crate) fn file_digest(path: &Path) -> Result<(u64, String), ArtifactError> {
    let file = File::open(path).map_err(io_error("read", path))?;
    sha256_hex_of(file).map_err(io_error("read", path))
}

pub(crate) fn place(run: &RunId, relative: &str) -> String {
    format!("redistrict\u{1f}{run}\u{1f}{relative}")
}

fn relative(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

fn with_membership(schema: &Arc<Schema>) -> Arc<Schema> {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(
        MEMBERSHIP_COLUMN,
        DataType::UInt8,
        false,
    )));
    Arc::new(Schema::new(fields))
}
