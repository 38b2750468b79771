//! The Neo4j side. The oracle is what each server tells of a value: its type, its text and the fields that it
//! is made of.

use anyhow::{Context, Result, ensure};
use redistrict_model::{Catalog, StoreName, Table, TableRef};
use redistrict_neo4j::{Neo4jSource, Neo4jTarget};
use redistrict_store::SourceStore as _;
use redistrict_testkit::neo4j::{Graph, Neo4jPair};
use redistrict_testkit::types::Random;
use redistrict_testkit::types::graph::{self, GraphType};
use redistrict_testkit::types::graph_values::{
    Told, fill, indistinct, nodes, property, relationships, told,
};

use super::Shown;
use super::carry::{carry, enroll, images, restore};
use crate::say;

/// Types per label, each a property: statements are planned for each label anew.
const TYPES_PER_LABEL: usize = 7;
/// Both ends of all relationships.
const HUB: &str = "hub";

/// The two graphs, and what moves values between them.
struct World {
    prod: Graph,
    cert: Graph,
    source: Neo4jSource,
    target: Neo4jTarget,
    store: StoreName,
}

pub(super) async fn prove(rows: u64, seed: u64) -> Result<Shown> {
    let pair = Neo4jPair::take().await;
    say(&format!("Neo4j {}", Neo4jPair::version()));
    let store = StoreName::new("types");
    let (prod, cert) = (pair.prod.url().to_owned(), pair.cert.url().to_owned());
    let world = World {
        prod: pair.prod.clone(),
        cert: pair.cert.clone(),
        source: Neo4jSource::connect_lazy(store.clone(), prod, Vec::new()),
        target: Neo4jTarget::new(store.clone(), cert, Vec::new()),
        store,
    };
    enroll(&world.target, &world.store).await?;
    let entries: Vec<&GraphType> = graph::all().collect();
    let mut random = Random(seed);
    make_hub(&world).await;
    for (number, types) in entries.chunks(TYPES_PER_LABEL).enumerate() {
        make(&world, number, types, usize::try_from(rows)?, &mut random).await;
    }
    say(&format!("{} types are written", entries.len()));
    let catalog = world.source.catalog().await?;
    let mut shown = Shown {
        kind: "Neo4j",
        ways: " (each on a node, on a relationship, and restored without a column)",
        types: entries.len(),
        values: 0,
        wrong: Vec::new(),
    };
    for (number, types) in entries.chunks(TYPES_PER_LABEL).enumerate() {
        prove_types(&world, &catalog, (number, types), &mut shown).await?;
        let done = (number * TYPES_PER_LABEL + TYPES_PER_LABEL).min(shown.types);
        say(&format!("{done} of {} types", shown.types));
    }
    Ok(shown)
}

fn label(number: usize) -> String {
    format!("t{number}")
}

async fn make_hub(world: &World) {
    for graph in [&world.prod, &world.cert] {
        let key = format!("create constraint for (n:{HUB}) require n.id is unique");
        graph.run(&key).await;
        graph.run(&format!("create (:{HUB} {{id: 1}})")).await;
    }
}

/// The values of some types on nodes, and the same on relationships.
async fn make(
    world: &World,
    number: usize,
    types: &[&GraphType],
    rows: usize,
    random: &mut Random,
) {
    let label = label(number);
    for graph in [&world.prod, &world.cert] {
        for pattern in [nodes(&label), format!("()-[n:`{label}`]-()")] {
            let key = format!("create constraint for {pattern} require n.id is unique");
            graph.run(&key).await;
        }
    }
    fill(&world.prod, &label, types, rows, random).await;
    let copy =
        format!("match (h:{HUB}), (n:{label}) create (h)-[r:{label}]->(h) set r = properties(n)");
    world.prod.run(&copy).await;
}

async fn prove_types(
    world: &World,
    catalog: &Catalog,
    (number, types): (usize, &[&GraphType]),
    shown: &mut Shown,
) -> Result<()> {
    let label = label(number);
    let table = |schema: &str, name: &str| {
        let name = TableRef::new(&world.store, schema, name);
        let found = catalog.table(&name).cloned();
        found.with_context(|| format!("find {name} in the catalog"))
    };
    let (node, relationship) = (table("node", &label)?, table("rel", &label)?);
    check_columns(&node, types)?;
    check_columns(&relationship, types)?;
    let sent = told(&world.prod, &nodes(&label), types.len()).await;
    for (place, one) in types.iter().enumerate() {
        let same = indistinct(one, place, &sent);
        let name = one.name;
        ensure!(same == 0, "the server tells {same} edges of {name} alike");
    }
    shown.values += sent.iter().filter(|value| value.has_value).count() as u64;

    let dir = tempfile::tempdir().context("make a directory")?;
    let (source, target) = (&world.source, &world.target);
    let (nodes, relationships) = (nodes(&label), relationships(&label));
    let tables = [node.clone()];
    carry(
        source,
        target,
        &tables,
        &dir.path().join("node"),
        3 * number,
    )
    .await?;
    let arrived = told(&world.cert, &nodes, types.len()).await;
    note(shown, types, "", (&sent, &arrived));

    let tables = [relationship, table("node", HUB)?];
    carry(
        source,
        target,
        &tables,
        &dir.path().join("rel"),
        3 * number + 1,
    )
    .await?;
    let arrived = told(&world.cert, &relationships, types.len()).await;
    note(shown, types, " on a relationship", (&sent, &arrived));

    without_columns(world, node, &label, 3 * number + 2).await?;
    let arrived = told(&world.cert, &nodes, types.len()).await;
    note(shown, types, " without a column", (&sent, &arrived));
    Ok(())
}

fn check_columns(table: &Table, types: &[&GraphType]) -> Result<()> {
    for (place, one) in types.iter().enumerate() {
        let column = table.column(&property(place));
        let column = column.context("find a column of values")?;
        ensure!(
            (column.column_type, column.element) == (one.column_type, one.element),
            "{} travels as {:?}, which the table of types does not say",
            one.name,
            column.column_type
        );
    }
    Ok(())
}

/// Takes the nodes out of CERT and puts them back by their images, in which the values stand as properties
/// that no column has.
async fn without_columns(
    world: &World,
    mut table: Table,
    label: &str,
    number: usize,
) -> Result<()> {
    table.columns.retain(|column| !column.name.starts_with('v'));
    let images = images(&world.target, &table).await?;
    let gone = format!("match (n:{label}) delete n");
    world.cert.run(&gone).await;
    restore(&world.target, &table, images, number).await
}

/// Counts the values that differ, type by type.
fn note(shown: &mut Shown, types: &[&GraphType], way: &str, (sent, arrived): (&[Told], &[Told])) {
    let missing = sent.len().abs_diff(arrived.len()) as u64;
    if missing > 0 {
        shown.wrong.push((format!("rows{way}"), missing));
    }
    for (place, one) in types.iter().enumerate() {
        let pairs = sent.iter().zip(arrived).filter(|(a, _)| a.place == place);
        let differ = pairs.filter(|(a, b)| a != b).count() as u64;
        if differ > 0 {
            shown.wrong.push((format!("{}{way}", one.name), differ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_and_rows_that_are_missing_are_counted_by_type() {
        let types: Vec<&GraphType> = graph::all().take(2).collect();
        let one = |id, place, text: &str| Told {
            id,
            place,
            has_value: true,
            text: text.to_owned(),
        };
        let sent = [one(1, 0, "true"), one(1, 1, "0.0"), one(2, 0, "false")];
        let mut shown = Shown {
            kind: "",
            ways: "",
            types: 2,
            values: 3,
            wrong: Vec::new(),
        };
        note(&mut shown, &types, "", (&sent, &sent));
        assert!(shown.wrong.is_empty());
        let arrived = [one(1, 0, "true"), one(1, 1, "-0.0")];
        note(&mut shown, &types, " there", (&sent, &arrived));
        let name = format!("{} there", types[1].name);
        assert_eq!(shown.wrong, [("rows there".to_owned(), 1), (name, 1)]);
    }
}
