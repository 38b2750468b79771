//! The state of a store of CERT, with all that is ours in it, kept and brought back: that is quicker than a new store,
//! and the enrolment still holds.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::pin::pin;

use anyhow::{Context, Result};
use futures::{SinkExt as _, TryStreamExt as _};
use redistrict_estate::EstateKind;
use redistrict_testkit::neo4j::{Graph, Parameters, ValueReceive, ValueSend, quoted_name};
use redistrict_testkit::postgres;
use tokio_postgres::Client;

use crate::digest::{Place, texts};

const TABLES: &str = "select format('%I.%I', schemaname, tablename) from pg_tables \
     where schemaname not in ('pg_catalog', 'information_schema') order by 1";

const PREPARED: &str = "select gid from pg_prepared_xacts where database = current_database()";

const SEQUENCES: &str = "select format('select setval(%L, %s, %L)', \
       format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value is not null) \
     from pg_sequences order by 1";

const NODES: &str = "match (n) return elementId(n), labels(n), properties(n)";

const RELATIONSHIPS: &str =
    "match (a)-[r]->(b) return elementId(a), elementId(b), type(r), properties(r)";

/// One store's state.
pub(crate) enum Saved {
    Postgres {
        /// Every table, with its rows as COPY writes them.
        tables: Vec<(String, Vec<u8>)>,
        /// The statements that set the sequences.
        sequences: Vec<String>,
    },
    Sqlite(Vec<u8>),
    /// Statements that make the nodes, then the relationships.
    Graph(Vec<(String, Parameters)>),
}

impl Saved {
    /// Keeps what a store holds. Nobody works on it meanwhile.
    pub(crate) async fn of(place: Place<'_>) -> Result<Self> {
        match place.kind {
            EstateKind::Postgres => {
                let kept = postgres::with_client(place.url, async |client| {
                    let mut tables = Vec::new();
                    for table in texts(client.simple_query(TABLES).await?) {
                        let copy = client.copy_out(&format!("copy {table} to stdout")).await?;
                        let rows: Vec<_> = copy.try_collect().await?;
                        tables.push((table, rows.concat()));
                    }
                    let sequences = texts(client.simple_query(SEQUENCES).await?);
                    Ok(Self::Postgres { tables, sequences })
                });
                Ok(kept.await?)
            }
            EstateKind::Sqlite => Ok(Self::Sqlite(
                std::fs::read(place.path()).context("read a file of CERT")?,
            )),
            EstateKind::Neo4j => graph(&Graph::connect(place.url)).await,
        }
    }

    /// Makes the store hold that again, and nothing else.
    pub(crate) async fn bring_back(&self, place: Place<'_>) -> Result<()> {
        match self {
            Self::Postgres { tables, sequences } => {
                let done = postgres::with_client(place.url, async |client| {
                    refill(client, tables, sequences).await
                });
                done.await
                    .with_context(|| format!("bring back {}", place.name))
            }
            Self::Sqlite(bytes) => {
                for beside in ["-journal", "-wal", "-shm"] {
                    let path = PathBuf::from(format!("{}{beside}", place.path().display()));
                    if path.exists() {
                        std::fs::remove_file(path).context("remove a journal of CERT")?;
                    }
                }
                // The same file: an enrolment knows it.
                #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
                std::fs::write(place.path(), bytes).context("write a file of CERT")
            }
            Self::Graph(statements) => {
                let empty = ("match (n) detach delete n".to_owned(), Parameters::new());
                let mut all = vec![empty];
                all.extend(statements.iter().cloned());
                Ok(Graph::connect(place.url).try_transaction(all).await?)
            }
        }
    }
}

async fn refill(
    client: &Client,
    tables: &[(String, Vec<u8>)],
    sequences: &[String],
) -> Result<(), tokio_postgres::Error> {
    // Where a run left what it must not leave, nobody waits for it.
    for gid in texts(client.simple_query(PREPARED).await?) {
        client
            .batch_execute(&format!("rollback prepared '{gid}'"))
            .await?;
    }
    let is_kept = |table: &String| tables.iter().any(|(kept, _)| kept == table);
    let mut opening = String::from("begin; set local session_replication_role = replica;");
    for table in texts(client.simple_query(TABLES).await?) {
        if !is_kept(&table) {
            opening.push_str(&["drop table ", &table, ";"].concat());
        }
    }
    let names: Vec<&str> = tables.iter().map(|(table, _)| table.as_str()).collect();
    opening.push_str(&["truncate ", &names.join(", ")].concat());
    client.batch_execute(&opening).await?;
    for (table, rows) in tables.iter().filter(|(_, rows)| !rows.is_empty()) {
        let sink = client.copy_in(&format!("copy {table} from stdin")).await?;
        let mut sink = pin!(sink);
        sink.send(Cursor::new(rows.clone())).await?;
        sink.finish().await?;
    }
    let closing = [&sequences.join("; "), "; commit"].concat();
    client.batch_execute(&closing).await
}

async fn graph(graph: &Graph) -> Result<Saved> {
    let mut statements = Vec::new();
    for row in graph.try_query(NODES, Parameters::new()).await? {
        let [id, labels, properties] = cells(row)?;
        let ValueReceive::List(labels) = labels else {
            anyhow::bail!("a node has no list of labels");
        };
        let labels = labels
            .into_iter()
            .map(|label| Ok(quoted_name(&text(label)?)));
        let labels = labels.collect::<Result<Vec<_>>>()?.join(":");
        statements.push((
            format!("create (n:{labels}) set n = $properties, n.`kept as` = $id"),
            HashMap::from([
                ("id".to_owned(), sent(id)?),
                ("properties".to_owned(), sent(properties)?),
            ]),
        ));
    }
    for row in graph.try_query(RELATIONSHIPS, Parameters::new()).await? {
        let [from, to, kind, properties] = cells(row)?;
        let kind = quoted_name(&text(kind)?);
        statements.push((
            format!(
                "match (a {{`kept as`: $from}}), (b {{`kept as`: $to}}) \
                 create (a)-[r:{kind}]->(b) set r = $properties"
            ),
            HashMap::from([
                ("from".to_owned(), sent(from)?),
                ("to".to_owned(), sent(to)?),
                ("properties".to_owned(), sent(properties)?),
            ]),
        ));
    }
    let close = "match (n) remove n.`kept as`".to_owned();
    statements.push((close, Parameters::new()));
    Ok(Saved::Graph(statements))
}

fn cells<const N: usize>(row: Vec<ValueReceive>) -> Result<[ValueReceive; N]> {
    row.try_into()
        .map_err(|_| anyhow::anyhow!("a row of another width"))
}

fn text(value: ValueReceive) -> Result<String> {
    value
        .try_into_string()
        .map_err(|_| anyhow::anyhow!("a name that is no text"))
}

fn sent(value: ValueReceive) -> Result<ValueSend> {
    ValueSend::try_from(value).map_err(|_| anyhow::anyhow!("a value that cannot be sent"))
}
