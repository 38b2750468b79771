//! Reads a sealed artifact.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt8Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use redistrict_model::{Membership, RunId, TableRef};
use zeroize::Zeroizing;

use crate::MEMBERSHIP_COLUMN;
use crate::blob;
use crate::encryption::DataKey;
use crate::error::ArtifactError;
use crate::files::io_error;
use crate::manifest::{ArtifactKind, Manifest, PartEntry};
use crate::root_key::RootKey;
use crate::writer::{file_digest, place};

/// A sealed artifact.
#[derive(Clone)]
pub struct Artifact {
    dir: PathBuf,
    manifest: Manifest,
    seal: String,
    data_key: Option<DataKey>,
}

impl Artifact {
    /// Opens a sealed artifact: its manifest's seal is checked, its parts are not (see
    /// [`Artifact::verify`]).
    ///
    /// # Errors
    /// Not sealed, changed, of another format, or shredded.
    pub fn open(dir: &Path, root: &RootKey) -> Result<Self, ArtifactError> {
        let manifest = Manifest::read(dir, root)?;
        let data_key = match manifest.kind {
            ArtifactKind::Raw => Some(DataKey::open(dir, &manifest.run, root)?),
            ArtifactKind::Masked => None,
        };
        let seal = manifest.seal(root);
        Ok(Self {
            dir: dir.to_path_buf(),
            manifest,
            seal,
            data_key,
        })
    }

    /// The parts of a masked artifact that is not sealed yet, to be looked at before they are: its
    /// seal is empty.
    #[must_use]
    pub fn unsealed(dir: &Path, manifest: &Manifest) -> Self {
        Self {
            dir: dir.to_path_buf(),
            manifest: manifest.clone(),
            seal: String::new(),
            data_key: None,
        }
    }

    /// The parts of a raw artifact that its writer has ended and not sealed yet.
    pub(crate) fn of_writer(dir: &Path, manifest: &Manifest, data_key: Option<DataKey>) -> Self {
        Self {
            data_key,
            ..Self::unsealed(dir, manifest)
        }
    }

    /// The newest sealed artifact below a district's directory (run ids sort by time).
    #[must_use]
    pub fn newest(district_dir: &Path) -> Option<PathBuf> {
        let mut runs: Vec<PathBuf> = std::fs::read_dir(district_dir)
            .ok()?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| Manifest::exists(path))
            .collect();
        runs.sort();
        runs.pop()
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's seal.
    #[must_use]
    pub fn seal(&self) -> &str {
        &self.seal
    }

    /// The run that made it.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.manifest.run
    }

    /// Reads every byte of every part and compares it with the manifest.
    ///
    /// # Errors
    /// [`ArtifactError::Corrupt`] names the first file that differs.
    pub fn verify(&self) -> Result<(), ArtifactError> {
        let mut parts = self.manifest.tables.iter().flat_map(|table| &table.parts);
        parts.try_for_each(|part| self.verify_part(part))
    }

    /// As [`Artifact::verify`], to its end: what is wrong with each file that differs or cannot be
    /// read, in the order of the manifest; nothing if all are as they were sealed.
    #[must_use]
    pub fn wrong_files(&self) -> Vec<ArtifactError> {
        let parts = self.manifest.tables.iter().flat_map(|table| &table.parts);
        parts
            .filter_map(|part| self.verify_part(part).err())
            .collect()
    }

    fn verify_part(&self, part: &PartEntry) -> Result<(), ArtifactError> {
        let path = self.dir.join(&part.file);
        let (bytes, sha256) = file_digest(&path)?;
        if bytes == part.bytes && sha256 == part.sha256 {
            return Ok(());
        }
        Err(ArtifactError::Corrupt {
            path,
            what: "the file is not the one that was sealed",
        })
    }

    /// The rows of a table, part by part, in the order in which they were written: each batch
    /// without the membership column, and the membership of each of its rows. A table that the
    /// manifest has not gives nothing.
    ///
    /// # Errors
    /// Each item may be an error: a file that cannot be read or decrypted.
    pub fn rows(
        &self,
        table: &TableRef,
    ) -> impl Iterator<Item = Result<(RecordBatch, Vec<Membership>), ArtifactError>> + use<> {
        self.read(table, None)
    }

    /// As [`Artifact::rows`], but of each row these columns only, in the order in which the table has them;
    /// nothing else is read. Columns that the table has not are left out.
    ///
    /// # Errors
    /// As [`Artifact::rows`].
    pub fn columns(
        &self,
        table: &TableRef,
        columns: &[String],
    ) -> impl Iterator<Item = Result<(RecordBatch, Vec<Membership>), ArtifactError>> + use<> {
        let mut names = columns.to_vec();
        names.push(MEMBERSHIP_COLUMN.to_owned());
        self.read(table, Some(names))
    }

    fn read(
        &self,
        table: &TableRef,
        columns: Option<Vec<String>>,
    ) -> impl Iterator<Item = Result<(RecordBatch, Vec<Membership>), ArtifactError>> + use<> {
        let parts: Vec<String> = self
            .manifest
            .table(table)
            .map(|entry| entry.parts.iter().map(|part| part.file.clone()).collect())
            .unwrap_or_default();
        let place = Place {
            dir: self.dir.clone(),
            run: self.manifest.run.clone(),
            data_key: self.data_key.clone(),
        };
        parts.into_iter().flat_map(
            move |file| match place.open_part(&file, columns.as_deref()) {
                Ok(batches) => Box::new(batches) as Box<dyn Iterator<Item = _> + Send>,
                Err(error) => Box::new(std::iter::once(Err(error))),
            },
        )
    }

    /// Encrypted data beside the parts, see [`ArtifactWriter::write_blob`].
    ///
    /// # Errors
    /// Changed, or not decryptable.
    ///
    /// [`ArtifactWriter::write_blob`]: crate::ArtifactWriter::write_blob
    pub fn read_blob(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, ArtifactError> {
        blob::read(&self.dir, &self.manifest.run, self.data_key.as_ref(), name)
    }

    /// Writes encrypted data beside the parts of a raw artifact, replacing what was there.
    ///
    /// # Errors
    /// A masked artifact has no key: [`ArtifactError::WrongKey`].
    pub fn write_blob(&self, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        blob::write(
            &self.dir,
            &self.manifest.run,
            self.data_key.as_ref(),
            name,
            bytes,
        )
    }

    /// Removes such data. Idempotent.
    ///
    /// # Errors
    /// [`ArtifactError::Io`].
    pub fn remove_blob(&self, name: &str) -> Result<(), ArtifactError> {
        blob::remove(&self.dir, name)
    }
}

/// What is needed to read parts: the manifest may be long.
struct Place {
    dir: PathBuf,
    run: RunId,
    data_key: Option<DataKey>,
}

impl Place {
    fn open_part(
        &self,
        relative: &str,
        columns: Option<&[String]>,
    ) -> Result<
        impl Iterator<Item = Result<(RecordBatch, Vec<Membership>), ArtifactError>> + Send + use<>,
        ArtifactError,
    > {
        let path = self.dir.join(relative);
        let parquet_error = |source| ArtifactError::Parquet {
            doing: "open",
            path: path.clone(),
            source,
        };
        let mut options = ArrowReaderOptions::new();
        if let Some(key) = &self.data_key {
            let place = place(&self.run, relative);
            let decryption = key.decryption(&place).map_err(parquet_error)?;
            options = options.with_file_decryption_properties(decryption);
        }
        let file = File::open(&path).map_err(io_error("open", &path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .and_then(|builder| {
                let mask = columns.map(|columns| {
                    let fields = builder.schema().fields().iter().enumerate();
                    let wanted = fields.filter(|(_, field)| columns.contains(field.name()));
                    ProjectionMask::roots(builder.parquet_schema(), wanted.map(|(at, _)| at))
                });
                let mask = mask.unwrap_or_else(ProjectionMask::all);
                builder.with_projection(mask).with_batch_size(8192).build()
            })
            .map_err(|source| ArtifactError::Parquet {
                doing: "open",
                path: path.clone(),
                source,
            })?;
        Ok(reader.map(move |batch| {
            let batch = batch.map_err(|source| ArtifactError::Arrow {
                path: path.clone(),
                source,
            })?;
            split_membership(&batch).ok_or_else(|| ArtifactError::Corrupt {
                path: path.clone(),
                what: "its membership column is missing or wrong",
            })
        }))
    }
}

fn split_membership(batch: &RecordBatch) -> Option<(RecordBatch, Vec<Membership>)> {
    let last = batch.num_columns().checked_sub(1)?;
    if batch.schema().field(last).name() != MEMBERSHIP_COLUMN {
        return None;
    }
    let codes = batch.column(last).as_primitive_opt::<UInt8Type>()?;
    if codes.null_count() > 0 {
        return None;
    }
    let membership = codes
        .values()
        .iter()
        .map(|code| Membership::from_code(*code))
        .collect::<Option<_>>()?;
    let kept: Vec<usize> = (0..last).collect();
    Some((batch.project(&kept).ok()?, membership))
}
