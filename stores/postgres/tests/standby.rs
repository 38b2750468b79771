//! A hot standby whose primary cleans up: the view is lost, and what to set is said.

use redistrict_model::StoreName;
use redistrict_postgres::PostgresSource;
use redistrict_store::{KeyRequest, Selector, SourceStore as _, StoreErrorKind};
use redistrict_testkit::postgres::TestServer;

#[tokio::test]
async fn a_standby_that_takes_the_view_away_is_told_by_the_settings_to_change() {
    let primary = TestServer::launch_private().unwrap();
    let url = primary.create_database().await;
    let sql = "create table t (id int primary key, v int); insert into t select g, g from generate_series(1, 500) g";
    primary.psql(&url, sql).await;
    let standby = primary.launch_standby().unwrap();
    standby.wait_for(&primary).await;
    let there = standby.url_of(url.rsplit('/').next().unwrap());
    let source = PostgresSource::connect_lazy(StoreName::new("s"), there, Vec::new());
    let catalog = source.catalog().await.unwrap();
    let request = KeyRequest {
        table: catalog.tables[0].name.clone(),
        columns: vec!["v".to_owned()],
        selector: Selector::All,
    };
    let mut cut = source.open_cut(&catalog.tables).await.unwrap();
    assert_eq!(cut.keys(&request).await.unwrap().len(), 500);

    primary.psql(&url, "update t set v = v + 1").await;
    primary.psql(&url, "vacuum t").await;
    standby.wait_for(&primary).await;
    let lost = cut.keys(&request).await.unwrap_err();
    assert_eq!(lost.kind, StoreErrorKind::Transient);
    assert_eq!(lost.code.as_deref(), Some("40001"));
    let hint = lost.hint.unwrap();
    for setting in ["hot_standby_feedback", "max_standby_streaming_delay"] {
        assert!(hint.contains(setting), "{hint}");
    }
    // A cut of its own sees what is there now.
    let mut fresh = source.open_cut(&catalog.tables).await.unwrap();
    assert_eq!(fresh.keys(&request).await.unwrap().len(), 500);
}
