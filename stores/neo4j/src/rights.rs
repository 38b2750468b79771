//! The least rights of the user that reads and of the user that writes, as Cypher for the administrator.
//! Only Enterprise has roles. What may not be read is hidden there and not refused: a district would be
//! smaller without anybody being told, so that the graph is granted as a whole.

use std::fmt::Write as _;

use async_trait::async_trait;
use redistrict_model::shown;
use redistrict_store::{LeastRights, Right, Rights, RightsRequest, StoreError};

use crate::bolt::{Access, Begin, Bolt};
use crate::error::Context as _;
use crate::source::{self, Neo4jSource};
use crate::statement::{self, quoted};
use crate::target::Neo4jTarget;

const LOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

#[async_trait]
impl LeastRights for Neo4jSource {
    async fn least_rights(&self, request: &RightsRequest) -> Result<Rights, StoreError> {
        let graph = look(&Bolt::open(self.url()).await?).await?;
        Ok(compose(&request.role, &graph, &[]))
    }
}

#[async_trait]
impl LeastRights for Neo4jTarget {
    async fn least_rights(&self, request: &RightsRequest) -> Result<Rights, StoreError> {
        let graph = look(&self.session().await?).await?;
        Ok(compose(&request.role, &graph, &WRITING))
    }
}

struct Graph {
    name: String,
    has_roles: bool,
}

async fn look(bolt: &Bolt) -> Result<Graph, StoreError> {
    let what = "read the database's name";
    let begin = Begin::new(Access::Read, LOOK_TIMEOUT);
    let mut transaction = bolt.begin(begin).await.doing(what)?;
    let records = source::read(&mut transaction, &statement::DATABASE, what).await?;
    let name = source::text(&records, 1, what)?;
    let version = source::version(&mut transaction).await?;
    transaction.rollback().await.doing(what)?;
    Ok(Graph {
        name,
        has_roles: version.ends_with("enterprise"),
    })
}

/// What the writer needs beside reading: the privilege with where it is, and what for.
const WRITING: [(&str, &str); 6] = [
    (
        "WRITE ON GRAPH",
        "rows are loaded, updated and taken out again by an undo; a row may have further labels and properties, so that no list of labels would do",
    ),
    (
        "CREATE CONSTRAINT ON DATABASE",
        "once, by `redistrict enroll`: the keys of its own nodes; may be revoked afterwards",
    ),
    (
        "CREATE NEW NODE LABEL ON DATABASE",
        "the labels of its own nodes, and those that rows bring",
    ),
    (
        "CREATE NEW RELATIONSHIP TYPE ON DATABASE",
        "types that rows bring",
    ),
    (
        "CREATE NEW PROPERTY NAME ON DATABASE",
        "properties of its own nodes, and those that rows bring",
    ),
    (
        "SHOW SETTING db.memory.transaction.max, db.memory.transaction.total.max, dbms.memory.transaction.total.max ON DBMS",
        "whether a load fits into the memory of a transaction is said before it begins",
    ),
];

/// Pure.
fn compose(role: &str, graph: &Graph, writing: &[(&str, &str)]) -> Rights {
    let (to, name) = (name(role), name(&graph.name));
    let mut statements = vec![
        (
            format!("CREATE ROLE {to} IF NOT EXISTS"),
            "without any privilege of its own",
        ),
        (
            format!("GRANT ACCESS ON DATABASE {name} TO {to}"),
            "open the database",
        ),
        (
            format!("GRANT MATCH {{*}} ON GRAPH {name} ELEMENTS * TO {to}"),
            "read it as a whole: what may not be read is hidden and not refused, so that a district could be smaller without anybody being told; what is excluded in the configuration is not asked for",
        ),
        (
            format!("GRANT SHOW CONSTRAINT ON DATABASE {name} TO {to}"),
            "uniqueness constraints are the keys",
        ),
    ];
    for (privilege, reason) in writing {
        let on = if privilege.ends_with("DBMS") {
            String::new()
        } else {
            format!(" {name}")
        };
        statements.push((format!("GRANT {privilege}{on} TO {to}"), reason));
    }
    let made = |(statement, reason): (String, &str)| match graph.has_roles {
        true => Right::always(statement, reason),
        false => Right::sometimes(statement, reason),
    };
    let mut statements: Vec<Right> = statements.into_iter().map(made).collect();
    statements.push(Right::sometimes(
        format!(
            "GRANT EXECUTE PROCEDURE db.info, dbms.components, db.schema.nodeTypeProperties, db.schema.relTypeProperties ON DBMS TO {to}"
        ),
        "only where it was taken from PUBLIC: they tell the database, its version and the types of properties",
    ));
    Rights {
        place: format!(
            "the Neo4j database {} (as an administrator, in system)",
            graph.name
        ),
        comment: "//",
        remarks: remarks(graph, &to, writing.is_empty()),
        statements,
    }
}

fn remarks(graph: &Graph, role: &str, is_reader: bool) -> Vec<String> {
    if graph.has_roles {
        return vec![
            format!(
                "Make the user and give it the role: CREATE USER … SET PASSWORD …; GRANT ROLE {role} TO …. Its own transactions it may list and end without a privilege."
            ),
            "Read from the manual of Neo4j 5; not tried on an Enterprise server.".to_owned(),
        ];
    }
    let kept = match is_reader {
        true => {
            "What keeps redistrict from writing PROD is the access mode READ, which the server enforces in each of its transactions; or let it read a copy"
        }
        false => "Give redistrict a user of its own, so that the query log tells who wrote",
    };
    vec![format!(
        "This server is Community: it has no roles, and every user may do everything. {kept}. On Enterprise it would be:"
    )]
}

/// A name in backticks, in one plain line.
fn name(text: &str) -> String {
    let mut name = String::new();
    for c in quoted(text).chars() {
        if shown(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() {
            name.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(name, "\\u{unit:04X}").expect("a String takes every write");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_backticks_and_in_its_line() {
        assert_eq!(name("a`b\\c\n\u{202e}"), "`a``b\\u005Cc\\u000A\\u202E`");
    }

    #[test]
    fn without_roles_every_statement_is_only_told() {
        for (has_roles, expected) in [(true, 10), (false, 0)] {
            let graph = Graph {
                name: "neo4j".to_owned(),
                has_roles,
            };
            let rights = compose("loader", &graph, &WRITING);
            let always = rights
                .statements
                .iter()
                .filter(|one| one.need == redistrict_store::Need::Always);
            assert_eq!(always.count(), expected);
            assert_eq!(
                rights.statements[4].statement,
                "GRANT WRITE ON GRAPH `neo4j` TO `loader`"
            );
            assert!(rights.remarks[0].contains("Community") != has_roles);
        }
    }
}
