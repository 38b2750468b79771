//! The canonical text of days and moments, which is the server's own: over all years that the server has.

use redistrict_model::calendar::{Zone, date_text, days_of, micros_of, timestamp_text};
use redistrict_testkit::postgres::query;

use crate::support::World;

/// Steps through all years that do not meet the same day twice, the ends, and each day around them.
const DAYS: &str = "
    select (date '1970-01-01' + d)::text, d::text from (
        select generate_series(-2440588, 2145042905, 104729) union
        select generate_series(-800000, 3100000, 997) union
        select n + e from generate_series(-3, 3) as n, unnest(array[-719162, -719528, 0, 2932897]) as e union
        select unnest(array[-2440588, 2145042905])
    ) as v(d)";

/// The same for moments, in microseconds since 1970.
const MOMENTS: &str = "
    select (timestamp '1970-01-01' + (s / 86400)::int4 * interval '1 day' + (s % 86400) * interval '1 second'
        + u * interval '1 microsecond')::text, (s * 1000000 + u)::text
    from (
        select s, case s % 3 when 0 then 0 else abs(s % 1000000) end
        from generate_series(-210866803200, 9223372036800, 99999989) as s union
        select s, u from unnest(array[-210866803200, -62135596801, -62135596800, -62167219201, -1, 0,
            253402300799, 253402300800]::int8[]) as s, unnest(array[0, 1, 100000, 120000, 999999]) as u
    ) as v(s, u)";

#[tokio::test]
async fn days_and_moments_are_written_and_read_as_the_server_does() {
    let world = World::new().await;
    let session = "set datestyle = 'ISO, YMD'; set timezone = 'UTC'";
    let ask = async |sql: &str| {
        let sql = format!("{session}; {sql}");
        let rows = query(&world.prod, &sql).await.unwrap();
        let pair = |row: Vec<Option<String>>| {
            let [text, number] = <[Option<String>; 2]>::try_from(row).unwrap();
            (text.unwrap(), number.unwrap().parse::<i64>().unwrap())
        };
        rows.into_iter().map(pair).collect::<Vec<_>>()
    };
    let days = ask(DAYS).await;
    assert!(days.len() > 20_000);
    for (text, days) in days {
        assert_eq!(date_text(days), text);
        assert_eq!(days_of(&text), Some(days), "{text}");
    }
    let moments = ask(MOMENTS).await;
    assert!(moments.len() > 90_000);
    for (text, micros) in moments {
        assert_eq!(timestamp_text(micros, Zone::Local), text);
        assert_eq!(micros_of(&text, Zone::Local), Some(micros), "{text}");
    }
    let zoned = ask(&MOMENTS.replace(
        "(timestamp '1970-01-01'",
        "(timestamptz '1970-01-01 00:00+00'",
    ))
    .await;
    assert!(zoned.len() > 90_000);
    for (text, micros) in zoned {
        assert_eq!(timestamp_text(micros, Zone::Utc), text);
        assert_eq!(micros_of(&text, Zone::Utc), Some(micros), "{text}");
    }
}
