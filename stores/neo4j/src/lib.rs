//! Store kind `neo4j`: a property graph read and written as tables (docs/design/graph.md).
