//! Values of the types of Neo4j in a graph: written, and told by the server itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Random;
use super::graph::{BYTES, GraphType, whole};
use crate::neo4j::{Graph, Parameters, ValueReceive, ValueSend, quoted_name};

/// Rows that one statement makes.
const ROWS_PER_STATEMENT: usize = 2_000;
/// The first number of a row with a random value; edge values count from 0.
const FIRST_RANDOM: usize = 10_000;
/// The number of the row without a value.
const NO_VALUE: usize = 1_000_000;

fn seeds(id: usize, random: &mut Random) -> ValueSend {
    let integers = (0..8).map(|_| ValueSend::Integer(random.integer()));
    let integers = ValueSend::List(integers.collect());
    let floats = (0..3).map(|_| ValueSend::Float(random.float()));
    let floats = ValueSend::List(floats.collect());
    let texts = (0..2).map(|_| ValueSend::String(random.text()));
    let texts = ValueSend::List(texts.collect());
    let bytes = ValueSend::Bytes(random.bytes());
    ValueSend::List(vec![number(id), integers, floats, texts, bytes])
}

fn number(id: usize) -> ValueSend {
    ValueSend::Integer(i64::try_from(id).unwrap_or(i64::MAX))
}

/// The property that holds the values of the type in that place.
#[must_use]
pub fn property(place: usize) -> String {
    format!("v{place}")
}

/// Makes nodes of that label with `id` and a [`property`] for each of some types: so many nodes with random
/// values, one for each edge value, and one without values.
///
/// # Panics
/// If the server refuses.
pub async fn fill(
    graph: &Graph,
    label: &str,
    types: &[&GraphType],
    rows: usize,
    random: &mut Random,
) {
    let label = quoted_name(label);
    let bytes = BYTES.map(|bytes| ValueSend::Bytes(bytes.to_vec())).to_vec();
    let bytes = Parameters::from([("bytes".to_owned(), ValueSend::List(bytes))]);
    let mut values = String::new();
    for (place, one) in types.iter().enumerate() {
        let (property, value) = (property(place), whole(one.random));
        let _written = write!(values, ", n.{property} = {value}");
        let edges = one.edges.iter().enumerate();
        let edges = edges.map(|(at, edge)| format!("[{}, {edge}]", edge_id(place, at)));
        let edges: Vec<String> = edges.collect();
        let cypher = format!(
            "unwind [{}] as row create (n:{label}) set n.id = row[0], n.{property} = row[1]",
            edges.join(", ")
        );
        graph.query(&cypher, bytes.clone()).await;
    }
    let cypher = format!(
        "unwind $seeds as seed \
         with seed[0] as id, seed[1] as s, seed[2] as f, seed[3] as t, seed[4] as b \
         create (n:{label}) set n.id = id{values}"
    );
    let ids: Vec<usize> = (FIRST_RANDOM..FIRST_RANDOM + rows).collect();
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        let seeds = ids.iter().map(|id| seeds(*id, random)).collect();
        let seeds = Parameters::from([("seeds".to_owned(), ValueSend::List(seeds))]);
        graph.query(&cypher, seeds).await;
    }
    graph
        .run(&format!("create (:{label} {{id: {NO_VALUE}}})"))
        .await;
}

fn edge_id(place: usize, at: usize) -> usize {
    place * 100 + at
}

/// A value as the server tells it: its type, its text, and the numbers that it is made of. Times are told
/// by their fields and not only by their text, so that what a text left out would show.
const PARTS: &str = "[valueType(y), CASE \
    WHEN y IS :: FLOAT NOT NULL THEN [toString(y), toString(1.0 / y)] \
    WHEN y IS :: DATE NOT NULL THEN [toString(y), y.year, y.month, y.day] \
    WHEN y IS :: LOCAL TIME NOT NULL THEN [toString(y), y.hour, y.minute, y.second, y.nanosecond] \
    WHEN y IS :: ZONED TIME NOT NULL THEN [toString(y), y.hour, y.minute, y.second, y.nanosecond, y.offsetSeconds] \
    WHEN y IS :: LOCAL DATETIME NOT NULL THEN [toString(y), y.year, y.month, y.day, y.hour, y.minute, y.second, y.nanosecond] \
    WHEN y IS :: ZONED DATETIME NOT NULL THEN [toString(y), y.year, y.month, y.day, y.hour, y.minute, y.second, y.nanosecond, \
        y.offsetSeconds, y.timezone, CASE WHEN abs(y.year) < 200000000 THEN y.epochSeconds END] \
    WHEN y IS :: DURATION NOT NULL THEN [toString(y), y.months, y.days, y.seconds, y.nanosecondsOfSecond] \
    WHEN y IS :: POINT NOT NULL THEN [y.srid, y.crs, toString(y.x), toString(y.y), \
        CASE WHEN y.srid IN [9157, 4979] THEN toString(y.z) END] \
    WHEN y IS :: STRING NOT NULL THEN [y, size(y)] \
    WHEN y IS :: BOOLEAN NOT NULL | INTEGER NOT NULL THEN [toString(y)] END]";

/// The pattern of all nodes of a label.
#[must_use]
pub fn nodes(label: &str) -> String {
    format!("(n:{})", quoted_name(label))
}

/// The pattern of all relationships of a type.
#[must_use]
pub fn relationships(kind: &str) -> String {
    format!("()-[n:{}]->()", quoted_name(kind))
}

/// What the server tells of each value of a pattern, by `id` and type: nothing of ours is asked. The one
/// thing that only the driver tells is whether integers came as bytes or as a list.
///
/// # Panics
/// If the server refuses.
pub async fn told(graph: &Graph, pattern: &str, types: usize) -> Vec<Told> {
    let cypher = format!(
        "match {pattern} unwind range(0, $types - 1) as place \
         with n.id as id, place, size(keys(n)) as number, n['v' + toString(place)] as v order by id, place \
         with id, place, number, v, valueType(v) as t, \
            CASE WHEN valueType(v) STARTS WITH 'LIST' THEN v ELSE [v] END as all \
         return id, place, v is not null, number, t, [y IN all | {PARTS}], \
            CASE WHEN t IN ['LIST<INTEGER NOT NULL> NOT NULL', 'LIST<NOTHING> NOT NULL'] THEN v END"
    );
    let parameters = Parameters::from([("types".to_owned(), number(types))]);
    let rows = graph.query(&cypher, parameters).await;
    let told = |row: Vec<ValueReceive>| {
        let mut fields = row.into_iter();
        let mut integer = || fields.next().and_then(|field| field.as_int());
        let (id, place) = (integer(), integer());
        let has_value = fields.next().and_then(|value| value.as_bool());
        Told {
            id: id
                .and_then(|id| usize::try_from(id).ok())
                .expect("a number"),
            place: place
                .and_then(|id| usize::try_from(id).ok())
                .expect("a number"),
            has_value: has_value.expect("a boolean"),
            text: format!("{:?}", fields.collect::<Vec<_>>()),
        }
    };
    rows.into_iter().map(told).collect()
}

/// One value as the server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub id: usize,
    /// Of its type.
    pub place: usize,
    pub has_value: bool,
    /// Equal for equal values only.
    pub text: String,
}

/// How many of a type's edge values the server does not tell from another one: with any, equal texts would
/// prove nothing.
#[must_use]
pub fn indistinct(one: &GraphType, place: usize, told: &[Told]) -> usize {
    let ids = edge_id(place, 0)..edge_id(place, one.edges.len());
    let is_edge = |value: &&Told| value.place == place && ids.contains(&value.id);
    let edges = told.iter().filter(is_edge).map(|edge| &edge.text);
    let texts: BTreeSet<&String> = edges.collect();
    one.edges.len() - texts.len()
}
