//! What stands against writing tables of CERT, looked up while planning and before a load: rules, sequences that
//! the role may not raise, and an encoding that does not have every character.

use redistrict_model::{Finding, StoreName, TableRef};
use redistrict_store::StoreError;
use tokio_postgres::types::Type;

use super::sequences;
use crate::connect::{Session, Target};
use crate::encoding::Encoding;
use crate::error::failed;
use crate::statement::quoted;

const RULES: &str = include_str!("../../sql/rules.sql");

/// See `TargetStore::obstacles`.
pub(super) async fn find(
    session: &Session<Target>,
    store: &StoreName,
    tables: &[TableRef],
) -> Result<Vec<Finding>, StoreError> {
    let mut findings: Vec<Finding> = encoding(session.encoding(), store).into_iter().collect();
    let schemas: Vec<&str> = tables.iter().map(|one| one.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|one| one.table.as_str()).collect();
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let rules = session.client().query_typed(RULES, &parameters).await;
    for row in rules.map_err(|error| failed("look for rules", &error))? {
        let (schema, table): (&str, &str) = (row.get("schema_name"), row.get("table_name"));
        findings.push(rule(
            &TableRef::new(store, schema, table),
            row.get("rule_name"),
        ));
    }
    findings.extend(sequences::missing_rights(session.client(), tables).await?);
    Ok(findings)
}

fn rule(table: &TableRef, rule: &str) -> Finding {
    let message = format!(
        "rule {rule} in CERT: a table that has rules cannot be written; drop the rule, disable it, or exclude the table"
    );
    let statement = format!(
        "alter table {}.{} disable rule {};     -- in CERT",
        quoted(&table.schema),
        quoted(&table.table),
        quoted(rule)
    );
    Finding::error("rule-in-target", table.to_string(), message, 1).with_lines([statement])
}

fn encoding(encoding: &Encoding, store: &StoreName) -> Option<Finding> {
    let message = match encoding {
        Encoding::Utf8 => return None,
        Encoding::Bytes => "CERT's database has no encoding (SQL_ASCII): lengths of texts count bytes there, so that a text that fits in PROD may be too long".to_owned(),
        Encoding::Other(name) => format!(
            "CERT's database has the encoding {name}: a text with a character that {name} does not have stops the load before it changes anything"
        ),
    };
    Some(Finding::warning(
        "encoding-of-target",
        store.as_str(),
        message,
        1,
    ))
}
