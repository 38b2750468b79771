//! References that lead to no row are counted by the server as keys are compared: by their canonical texts.

use redistrict_store::{SourceStore as _, UnmatchedRequest};

use crate::support::World;

#[tokio::test]
async fn what_leads_to_no_row_is_counted_as_keys_are_compared() {
    let world = World::new().await;
    let key = "6f1c1a7e-0000-4000-8000-00000000000f";
    let sql = format!(
        "create table p (a int4 not null, b text not null, u uuid, n numeric, c char(5), \"Ü x\" text, primary key (a, b));
         insert into p values (1, 'x', '{key}', 1.50, 'ab', 'a'), (2, 'y', null, 2, 'cd', 'B'), (3, 'z', null, null, null, null);
         create table t (id int4 primary key, a int4, b text, u text, n float8, i int8, v varchar, kind text);
         insert into t values
           (1, 1, 'x', '{key}', 1.5, 2, 'ab', 'one'),
           (2, 1, 'y', upper('{key}'), 1.25, 7, 'ab ', 'one'),
           (3, 1, null, ' {key}', null, null, 'Ab', 'two'),
           (4, null, 'x', 'nothing', 2, 2, null, null),
           (5, 9, 'x', null, null, 3, 'cd', 'two');"
    );
    world.server.psql(&world.prod, &sql).await;
    let tables = world.catalog().await.tables;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    let names = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect();
    for (columns, parent, kinds, expected) in [
        // NULL in any column is no reference.
        (&["a", "b"][..], &["a", "b"][..], &[][..], 2),
        (&["a"], &["a"], &[], 1),
        // However it is written: as text it is another key.
        (&["u"], &["u"], &[], 3),
        (&["n"], &["n"], &[], 1),
        (&["i"], &["n"], &[], 2),
        (&["v"], &["c"], &[], 2),
        (&["b"], &["Ü x"], &[], 4),
        (&["a"], &["a"], &["one"], 0),
        (&["a"], &["a"], &["two", "three"], 1),
    ] {
        let request = UnmatchedRequest {
            child: world.table("t"),
            child_columns: names(columns),
            parent: world.table("p"),
            parent_columns: names(parent),
            when: match kinds {
                [] => Vec::new(),
                kinds => vec![("kind".to_owned(), names(kinds))],
            },
        };
        let rows = cut.unmatched(&request).await.unwrap();
        assert_eq!(rows, Some(expected), "{columns:?} -> {parent:?} {kinds:?}");
    }
}
