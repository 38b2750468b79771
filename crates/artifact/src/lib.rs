//! Sealed directories of Parquet files with a manifest: what phases hand to each other.
