//! Which rows belong to a district: labels, homes, membership, evaluated over keys.
