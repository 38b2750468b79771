//! Deleting rows by key, and only those: whatever a foreign key would delete, change or leave
//! dangling beside them is found first and refused.

use std::borrow::Cow;

use redistrict_model::{Key, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::path::{self, Firing};
use super::referring::{ReferringKey, referring_keys};
use super::refusal::triggers_of;
use crate::error::{bug, failed, failed_at};
use crate::live::{LiveColumn, LiveTable};
use crate::locator::split;
use crate::statement::{column_of, key_order, quoted};
use crate::types::{KeyFit, key_fit};

/// What tells a row of a table from the others.
enum ToldBy<'a> {
    Identity(Vec<&'a LiveColumn>),
    /// The table is keyless. Locators of rows that this transaction has locked stay as they are.
    Locator,
}

impl ToldBy<'_> {
    /// The parts of the key of the row of `alias`.
    fn values(&self, alias: &str) -> Vec<String> {
        match self {
            Self::Identity(columns) => columns
                .iter()
                .map(|one| one.comparable(&column_of(alias, one)))
                .collect(),
            Self::Locator => vec![format!("{alias}.tableoid"), format!("{alias}.ctid")],
        }
    }

    /// The types of the parts.
    fn types(&self) -> Vec<&str> {
        match self {
            Self::Identity(columns) => columns.iter().map(|one| one.comparable_type()).collect(),
            Self::Locator => vec!["oid", "tid"],
        }
    }

    /// The bound texts `k.k0` and up as values of those types.
    fn casts(&self) -> Vec<String> {
        match self {
            Self::Identity(columns) => columns
                .iter()
                .enumerate()
                .map(|(place, column)| column.key_value(&format!("k.k{place}")))
                .collect(),
            Self::Locator => vec!["k.k0::oid".to_owned(), "k.k1::tid".to_owned()],
        }
    }

    /// The order in which rows are locked.
    fn order(&self, alias: &str) -> String {
        match self {
            Self::Identity(columns) => key_order(alias, columns),
            Self::Locator => self.values(alias).join(", "),
        }
    }
}

/// The rows of one table that go.
pub(super) struct Delete<'a> {
    table: &'a LiveTable,
    told_by: ToldBy<'a>,
    keys: &'a [Key],
    /// A table of this transaction with the typed keys.
    list: String,
}

impl<'a> Delete<'a> {
    /// `list` is a name in our staging schema that is free.
    pub(super) fn new(
        table: &'a LiveTable,
        keys: &'a [Key],
        list: String,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            table,
            told_by: match table.entry.identity() {
                Some(_) => ToldBy::Identity(table.identity()?),
                None => ToldBy::Locator,
            },
            keys,
            list,
        })
    }

    fn name(&self) -> &TableRef {
        &self.table.entry.name
    }

    /// Row `alias` of the table is in the list `list_alias`.
    fn listed(&self, alias: &str, list_alias: &str) -> String {
        let values = self.told_by.values(alias).into_iter().enumerate();
        let tests: Vec<String> = values
            .map(|(place, value)| format!("{value} = {list_alias}.k{place}"))
            .collect();
        tests.join(" and ")
    }

    /// Writes the keys, typed, into the list.
    async fn fill(&self, client: &Client) -> Result<(), StoreError> {
        let types = self.told_by.types();
        let definitions: Vec<String> = types
            .iter()
            .enumerate()
            .map(|(place, key_type)| format!("k{place} {key_type}"))
            .collect();
        let sql = format!("create table {} ({})", self.list, definitions.join(", "));
        let refused = |error| failed_at("list the rows to delete", self.name(), &error);
        client.batch_execute(&sql).await.map_err(refused)?;
        let arrays = self.arrays()?;
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> = arrays
            .iter()
            .map(|array| (array as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
            .collect();
        let casts = self.told_by.casts();
        let numbers: Vec<String> = (1..=arrays.len()).map(|n| format!("${n}")).collect();
        let names: Vec<String> = (0..arrays.len()).map(|place| format!("k{place}")).collect();
        let sql = format!(
            "insert into {} select distinct {} from unnest({}) as k ({})",
            self.list,
            casts.join(", "),
            numbers.join(", "),
            names.join(", ")
        );
        client
            .execute_typed(&sql, &parameters)
            .await
            .map_err(refused)?;
        client
            .batch_execute(&format!("analyze {}", self.list))
            .await
            .map_err(refused)
    }

    fn arrays(&self) -> Result<Vec<Vec<Cow<'_, str>>>, StoreError> {
        let width = self.told_by.types().len();
        let mut arrays = vec![Vec::with_capacity(self.keys.len()); width];
        let refused = || bug("delete by keys that are none of the table").at(self.name());
        for key in self.keys {
            let parts = match &self.told_by {
                ToldBy::Locator => {
                    let (table, place) = split(key).ok_or_else(refused)?;
                    vec![Cow::Owned(table.to_string()), Cow::Borrowed(place)]
                }
                ToldBy::Identity(columns) => {
                    let mut fits = columns.iter().zip(key.parts()).map(|(column, part)| {
                        key_fit(part, column.column_type, &column.labels) != KeyFit::Never
                    });
                    if !fits.all(|fits| fits) {
                        return Err(self.missing());
                    }
                    key.parts()
                        .iter()
                        .map(|part| Cow::Borrowed(&**part))
                        .collect()
                }
            };
            if parts.len() != width {
                return Err(refused());
            }
            for (array, part) in arrays.iter_mut().zip(parts) {
                array.push(part);
            }
        }
        Ok(arrays)
    }

    /// Locks the rows in key order and counts them.
    async fn lock(&self, client: &Client) -> Result<(), StoreError> {
        let sql = format!(
            "select count(*) from (select 1 from {} as t join {} as d on {} order by {} \
             for update of t) as locked",
            self.table.relation(),
            self.list,
            self.listed("t", "d"),
            self.told_by.order("t")
        );
        let rows = client
            .query_typed(&sql, &[])
            .await
            .map_err(|error| failed_at("lock the rows to delete", self.name(), &error))?;
        let count = rows.first().map(|row| row.get::<_, i64>(0));
        let is_complete =
            count.and_then(|count| usize::try_from(count).ok()) == Some(self.keys.len());
        if is_complete {
            Ok(())
        } else {
            Err(self.missing())
        }
    }

    fn missing(&self) -> StoreError {
        let what = "delete rows: not every one of them is there";
        StoreError::new(StoreErrorKind::Constraint, what).at(self.name())
    }

    fn statement(&self, place: usize) -> String {
        format!(
            "x{place} as (delete from {} as t using {} as d where {} returning 1)",
            self.table.relation(),
            self.list,
            self.listed("t", "d")
        )
    }
}

/// Deletes the rows of all tables in one statement; gives their number.
pub(super) async fn delete(
    client: &Client,
    deletes: &[Delete<'_>],
    firing: Firing,
) -> Result<u64, StoreError> {
    for one in deletes {
        one.fill(client).await?;
        one.lock(client).await?;
    }
    refuse_references(client, deletes).await?;
    let statements: Vec<String> = deletes
        .iter()
        .enumerate()
        .map(|(place, one)| one.statement(place))
        .collect();
    let counts: Vec<String> = (0..deletes.len())
        .map(|place| format!("(select count(*) from x{place})"))
        .collect();
    let sql = format!(
        "with {} select {}",
        statements.join(", "),
        counts.join(", ")
    );
    path::of_triggers(client, firing).await?;
    let rows = client
        .query_typed(&sql, &[])
        .await
        .map_err(|error| failed("delete rows", &error))?;
    path::of_ours(client, firing).await?;
    let row = rows.first().ok_or_else(|| bug("count the deleted rows"))?;
    let mut total = 0;
    for (place, one) in deletes.iter().enumerate() {
        let count = usize::try_from(row.get::<_, i64>(place)).unwrap_or_default();
        if count != one.keys.len() {
            let what = "delete rows: a trigger or a rule kept some of them";
            let hint = format!(
                "disable it for the undo{}",
                triggers_of(&[&one.table.entry])
            );
            let error = StoreError::new(StoreErrorKind::Constraint, what).at(one.name());
            return Err(error.with_hint(hint));
        }
        total += count as u64;
    }
    let lists: Vec<&str> = deletes.iter().map(|one| one.list.as_str()).collect();
    client
        .batch_execute(&format!("drop table {}", lists.join(", ")))
        .await
        .map_err(|error| failed("drop the list of deleted rows", &error))?;
    Ok(total)
}

/// Looks for rows that stay and refer to rows that go. The latter are locked: nobody can add one.
async fn refuse_references(client: &Client, deletes: &[Delete<'_>]) -> Result<(), StoreError> {
    let names: Vec<&TableRef> = deletes.iter().map(Delete::name).collect();
    let of = |name: &TableRef| deletes.iter().find(|one| one.name() == name);
    for key in &referring_keys(client, &names).await? {
        if let Some(parent) = of(&key.parent) {
            refuse_reference(client, parent, of(&key.root), key).await?;
        }
    }
    Ok(())
}

async fn refuse_reference(
    client: &Client,
    parent: &Delete<'_>,
    child: Option<&Delete<'_>>,
    key: &ReferringKey,
) -> Result<(), StoreError> {
    let pairs: Vec<String> = (key.columns.iter())
        .zip(&key.parent_columns)
        .map(|(column, parent)| format!("c.{} = p.{}", quoted(column), quoted(parent)))
        .collect();
    let stays = child.map_or_else(
        || "true".to_owned(),
        |child| {
            format!(
                "not exists (select from {} as x where {})",
                child.list,
                child.listed("c", "x")
            )
        },
    );
    let sql = format!(
        "select exists (select from {} as c join {} as p on {} join {} as d on {} where {stays})",
        key.child_rows(),
        parent.table.relation(),
        pairs.join(" and "),
        parent.list,
        parent.listed("p", "d"),
    );
    let rows = client.query_typed(&sql, &[]).await.map_err(|error| {
        failed_at(
            "look for rows that refer to deleted ones",
            &key.child,
            &error,
        )
    })?;
    if rows.first().is_some_and(|row| row.get(0)) {
        let what = format!("delete rows of {}: other rows refer to them", parent.name());
        return Err(StoreError::new(StoreErrorKind::Constraint, what)
            .at(&key.child)
            .with_code(key.name.as_str()));
    }
    Ok(())
}
