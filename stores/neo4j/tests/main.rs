//! Tests of store kind `neo4j` against a real server, which is also the oracle.
