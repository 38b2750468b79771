//! Whether every foreign key of a database holds, as the server itself says: each is declared anew, which
//! makes it look at all rows. Must not compute joins of its own.

use crate::postgres::{TestServerError, query, with_client};

/// Declares every foreign key again, as it stands; those that a partition inherits come with their parent's.
const DECLARE_AGAIN: &str = "
    select conrelid::regclass || ' ' || conname,
      format('alter table %s drop constraint %I, add constraint %2$I %s',
             conrelid::regclass, conname, replace(pg_get_constraintdef(oid), ' NOT VALID', ''))
      from pg_constraint where contype = 'f' and conparentid = 0
     order by 1";

/// How many foreign keys the database has, and the names of those whose rows the server refuses, in order.
/// The database stays as it is: every declaration is taken back.
///
/// # Errors
/// Connecting, or anything the server refuses for another reason than a row.
pub async fn broken_foreign_keys(url: &str) -> Result<(usize, Vec<String>), TestServerError> {
    let keys = query(url, DECLARE_AGAIN).await?;
    let broken = with_client(url, async |client| {
        let mut broken = Vec::new();
        for key in &keys {
            let [Some(name), Some(statement)] = key.as_slice() else {
                continue;
            };
            client.batch_execute("begin").await?;
            let declared = client.batch_execute(statement).await;
            client.batch_execute("rollback").await?;
            match declared {
                Err(error) if is_violation(&error) => broken.push(name.clone()),
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
        Ok(broken)
    })
    .await?;
    Ok((keys.len(), broken))
}

fn is_violation(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&tokio_postgres::error::SqlState::FOREIGN_KEY_VIOLATION)
}
