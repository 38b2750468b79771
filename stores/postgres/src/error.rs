//! From the server's errors to ours. The server's message, DETAIL, HINT and CONTEXT quote rows: only
//! the SQLSTATE and names of objects are kept.

use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

/// Maps a failed statement; `what` fits after "failed to".
pub(crate) fn failed(what: impl Into<String>, error: &Error) -> StoreError {
    let what = what.into();
    let Some(server) = error.as_db_error() else {
        let kind = kind_without_server(error);
        if kind != StoreErrorKind::Transient {
            return StoreError::new(kind, what);
        }
        let what = format!("{what}: the connection was lost");
        return StoreError::new(kind, what).with_hint(LOST_HINT);
    };
    let state = server.code().code();
    let what = match reason_of_state(state) {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    };
    let made = StoreError::new(kind_of_state(state), what).with_code(code_with_names(server));
    let hint = match is_recovery_conflict(server) {
        true => Some(STANDBY_HINT),
        false => hint_of_state(state),
    };
    match hint {
        Some(hint) => made.with_hint(hint),
        None => made,
    }
}

/// What to do where a connection ends without a word.
const LOST_HINT: &str = "is the server up, or was it restarted or failed over? Does something between here and \
     there (proxy, firewall, pooler) end connections that are long or quiet?";

/// Why the server ended a session or did not begin one, in words.
fn reason_of_state(state: &str) -> Option<&'static str> {
    Some(match state {
        "57P01" => {
            "the server ended the session, as it does when it is stopped or somebody ends it"
        }
        "57P02" => "the server ended all sessions because one of its processes crashed",
        "57P03" => "the server takes no connections now: it is starting, stopping or recovering",
        "57P05" | "25P03" => "the server ended the session because it was quiet for too long",
        "53300" => "all connections of the server are taken",
        "28P01" | "28000" => "the server refuses this user, password or address",
        "3D000" => "the server has no database of that name",
        _ => return None,
    })
}

/// What to do where a standby takes snapshots away.
pub(crate) const STANDBY_HINT: &str = "the source is a standby, and a vacuum on its primary ended the view: set \
     hot_standby_feedback = on at the standby, or max_standby_streaming_delay and max_standby_archive_delay to more \
     than an extraction takes; or read where nothing is vacuumed";

/// The standby ended a statement or a connection because replay needed what its snapshot could still see. A
/// transaction that only reads gets this SQLSTATE for nothing else; in others it is a conflict of writers. The
/// server's text may be in any language; the place in its source tells them apart.
pub(crate) fn is_recovery_conflict(server: &DbError) -> bool {
    server.code().code() == "40001"
        && (server.routine()).is_some_and(|routine| routine.starts_with("Process"))
}

/// Maps a failed statement on a table.
pub(crate) fn failed_at(what: &str, table: &TableRef, error: &Error) -> StoreError {
    let is_right = error.code().is_some_and(|code| code.code() == "42501");
    if is_right && (error.as_db_error()).is_some_and(is_row_security) {
        let what = format!("{what}: row-level security is active on it, and rows would be missing");
        let mut failed = failed(what, error).at(table);
        failed.hint = Some(ROW_SECURITY_HINT.to_owned());
        return failed;
    }
    let what = if is_right {
        format!("{what}: the role lacks the right")
    } else {
        what.to_owned()
    };
    failed(what, error).at(table)
}

/// A policy that lets the role see all rows does not help: our sessions turn filters off, and the server then
/// refuses whatever it would filter.
const ROW_SECURITY_HINT: &str = "give the role BYPASSRLS (`redistrict init --grants` prints it), or leave the table \
     out by `excluded`; a policy is not enough, because nobody but the server can tell what it hides";

/// The server refused because `row_security = off` forbids it to leave rows out. The right that is missing has
/// the same SQLSTATE; the place in the server's source tells them apart, whatever language it speaks.
fn is_row_security(server: &DbError) -> bool {
    server.routine() == Some("check_enable_rls")
}

/// An invariant of ours does not hold.
pub(crate) fn bug(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Bug, what)
}

/// A value that does not fit.
pub(crate) fn data(table: &TableRef, column: &str, what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Data,
        format!("{what} in {}", table.column(column)),
    )
}

/// The SQLSTATE classes as kinds.
fn kind_of_state(state: &str) -> StoreErrorKind {
    match state {
        "42501" => StoreErrorKind::Auth,
        "3D000" | "3F000" | "25006" => StoreErrorKind::Config,
        "55P03" | "57014" | "25P03" | "55006" => StoreErrorKind::Transient,
        "57P04" => StoreErrorKind::Config,
        "P0001" => StoreErrorKind::Constraint,
        _ => match state.get(..2).unwrap_or_default() {
            "08" | "40" | "53" | "57" => StoreErrorKind::Transient,
            "28" => StoreErrorKind::Auth,
            "23" => StoreErrorKind::Constraint,
            "22" => StoreErrorKind::Data,
            "54" if state == "54000" => StoreErrorKind::Data,
            "0A" | "58" => StoreErrorKind::Config,
            _ => StoreErrorKind::Bug,
        },
    }
}

fn kind_without_server(error: &Error) -> StoreErrorKind {
    let is_io =
        std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    if error.is_closed() || is_io {
        StoreErrorKind::Transient
    } else {
        StoreErrorKind::Bug
    }
}

fn hint_of_state(state: &str) -> Option<&'static str> {
    match state {
        "42501" => Some("`redistrict init --grants` prints the least rights that are needed"),
        "25006" => Some(
            "the server or the role is read-only: connect to the primary, with a role without default_transaction_read_only",
        ),
        "55P03" => Some("another session holds a lock on these rows: end it, or wait for it"),
        "P0001" => Some("a trigger or a function of the database refused the row"),
        "22021" | "22P05" => Some(
            "see what encoding the database has (`show server_encoding`): put the texts right there, or exclude the table",
        ),
        "53300" => Some("the server has no free connection: lower `connections`"),
        _ => None,
    }
}

/// SQLSTATE and the names of the constraint and the column, where the server gives them.
fn code_with_names(server: &DbError) -> String {
    let names = [server.constraint(), server.column()];
    let mut code = server.code().code().to_owned();
    for name in names.into_iter().flatten() {
        code.push(' ');
        code.push_str(name);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_map_to_kinds_by_class_and_by_exception() {
        for (state, kind) in [
            ("08006", StoreErrorKind::Transient),
            ("40001", StoreErrorKind::Transient),
            ("40P01", StoreErrorKind::Transient),
            ("57P01", StoreErrorKind::Transient),
            ("55P03", StoreErrorKind::Transient),
            ("28P01", StoreErrorKind::Auth),
            ("42501", StoreErrorKind::Auth),
            ("23505", StoreErrorKind::Constraint),
            ("22001", StoreErrorKind::Data),
            ("3D000", StoreErrorKind::Config),
            ("P0001", StoreErrorKind::Constraint),
            ("54000", StoreErrorKind::Data),
            ("42601", StoreErrorKind::Bug),
        ] {
            assert_eq!(kind_of_state(state), kind, "{state}");
        }
    }
}
