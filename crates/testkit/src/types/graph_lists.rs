//! Lists as properties of Neo4j, and properties whose values are of several types.

use redistrict_model::ColumnType as C;

use super::graph::{GraphType, entry, list};

pub(super) const LISTS: &[GraphType] = &[
    list(
        "LIST<BOOLEAN>",
        C::Bool,
        &["[]", "[true]", "[false, true]"],
        "[s[0] % 2 = 0, s[1] % 2 = 0][0..s[2] % 3]",
    )
    .note("empty lists go with the lists of any type"),
    list(
        "LIST<INTEGER>",
        C::Int64,
        &["[]", "[0]", "[-9223372036854775808, 9223372036854775807]"],
        "[s[0], -s[1]]",
    ),
    list(
        "LIST<FLOAT>",
        C::Float64,
        &[
            "[]",
            "[0.0/0.0, -0.0, 1.0/0.0, 4.9E-324]",
            "[-0.0]",
            "[0.0]",
            "[1.0]",
        ],
        "[FLOAT, f[0], 1.5]",
    ),
    list(
        "LIST<STRING>",
        C::Text,
        &[
            "[]",
            "['']",
            "['NULL', 'null', '{}', 'a,b', '\"', '\\\\', ' ', '\\u0000', '\\n']",
        ],
        "t",
    ),
    list(
        "LIST<DATE>",
        C::Date,
        &["[]", "[date('+999999999-12-31'), date('-999999999-01-01')]"],
        "[DAY, date({YMD})]",
    )
    .note("all years"),
    list(
        "LIST<LOCAL TIME>",
        C::Time,
        &["[]", "[localtime('12:00')]"],
        "[localtime({CLOCK})]",
    ),
    list(
        "LIST<ZONED TIME>",
        C::Time,
        &[
            "[]",
            "[time('12:00:00+01:00'), time('00:00Z')]",
            "[time({hour: 1, timezone: '-17:59:59'})]",
        ],
        "[time({CLOCK, timezone: OFFSET}), time({CLOCK})]",
    ),
    list(
        "LIST<LOCAL DATETIME>",
        C::DateTimeText,
        &["[]", "[localdatetime('2024-01-01T00:00')]"],
        "[localdatetime({YMD, CLOCK})]",
    ),
    list(
        "LIST<ZONED DATETIME>",
        C::DateTimeText,
        &[
            "[]",
            "[datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]'), datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]')]",
            "[datetime('1850-01-01T00:00[Europe/Berlin]'), datetime('2024-01-01T00:00Z')]",
        ],
        "[ZONED, datetime({YMD, CLOCK, timezone: OFFSET})]",
    ),
    list(
        "LIST<DURATION>",
        C::Interval,
        &["[]", "[duration({seconds: -1, nanoseconds: 1})]"],
        "[DURATION, duration({days: -1})]",
    ),
    list(
        "LIST<POINT>",
        C::Verbatim,
        &[
            "[]",
            "[point({x: 1, y: 2}), point({x: 3, y: -0.0})]",
            "[point({longitude: 1, latitude: 2, height: 3})]",
        ],
        "CASE s[0] % 4 WHEN 0 THEN [point({x: f[0], y: 1}), point({x: f[1], y: f[2]})] \
         WHEN 1 THEN [point({x: f[0], y: 1, z: f[1]})] \
         WHEN 2 THEN [point({longitude: LONGITUDE, latitude: LATITUDE})] \
         ELSE [point({longitude: LONGITUDE, latitude: LATITUDE, height: f[0]})] END",
    )
    .note("all points of a list have one reference system"),
    list("LIST<NOTHING>", C::Text, &["[]"], "[]").note("where all lists are empty"),
];

pub(super) const SEVERAL: &[GraphType] = &[
    entry(
        "LOCAL TIME, ZONED TIME",
        C::Time,
        &["localtime('12:00')", "time('12:00Z')"],
        "CASE s[0] % 2 WHEN 0 THEN localtime({CLOCK}) ELSE time({CLOCK, timezone: OFFSET}) END",
    )
    .note("an offset tells them apart"),
    entry(
        "LOCAL DATETIME, ZONED DATETIME",
        C::DateTimeText,
        &[
            "localdatetime('2024-01-01T00:00')",
            "datetime('2024-01-01T00:00Z')",
            "datetime({year: 2024, timezone: 'UTC'})",
        ],
        "CASE s[2] % 3 WHEN 0 THEN localdatetime({YMD, CLOCK}) WHEN 1 THEN ZONED \
         ELSE datetime({YMD, CLOCK, timezone: OFFSET}) END",
    )
    .note("an offset tells them apart"),
    list(
        "LIST<LOCAL TIME>, LIST<ZONED TIME>",
        C::Time,
        &["[]", "[localtime('12:00')]", "[time('12:00Z')]"],
        "CASE s[0] % 2 WHEN 0 THEN [localtime({CLOCK})] ELSE [time({CLOCK, timezone: OFFSET})] END",
    ),
    list(
        "LIST<LOCAL DATETIME>, LIST<ZONED DATETIME>",
        C::DateTimeText,
        &[
            "[]",
            "[localdatetime('2024-01-01T00:00')]",
            "[datetime('2024-01-01T00:00Z')]",
        ],
        "CASE s[2] % 2 WHEN 0 THEN [localdatetime({YMD, CLOCK})] ELSE [ZONED] END",
    ),
    entry(
        "INTEGER, FLOAT",
        C::Verbatim,
        &["1", "1.0", "-0.0", "0.0", "0", "0.0/0.0"],
        "CASE s[1] % 2 WHEN 0 THEN s[2] ELSE FLOAT END",
    )
    .note("each value with its type: `INTEGER 1`, `FLOAT 1`"),
    entry(
        "BYTES, LIST<INTEGER>",
        C::Verbatim,
        &[
            "$bytes[0]",
            "$bytes[1]",
            "$bytes[4]",
            "[]",
            "[0]",
            "[0, 255]",
        ],
        "CASE s[0] % 2 WHEN 0 THEN b ELSE [s[1], -s[2]] END",
    ),
    entry(
        "any types",
        C::Verbatim,
        &[
            "1",
            "1.0",
            "'1'",
            "'INTEGER 1'",
            "true",
            "'true'",
            "$bytes[1]",
            "[]",
            "[0]",
            "[1.0]",
            "['1']",
            "date('+999999999-12-31')",
            "localtime('12:00')",
            "time('12:00Z')",
            "localdatetime('2024-01-01T00:00')",
            "datetime('2024-01-01T00:00Z')",
            "duration('P1D')",
            "point({x: 1, y: 2})",
            "point({longitude: 1, latitude: 2})",
            "[date('-999999999-01-01')]",
            "[localtime('12:00')]",
            "[time('12:00Z')]",
            "[localdatetime('2024-01-01T00:00')]",
            "[datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')]",
            "[duration('P1M-1D')]",
            "[point({x: 1, y: 2})]",
            "[true]",
        ],
        "CASE s[4] % 12 WHEN 0 THEN FLOAT WHEN 1 THEN t[0] WHEN 2 THEN ZONED WHEN 3 THEN t \
         WHEN 4 THEN DURATION WHEN 5 THEN b WHEN 6 THEN s[0] WHEN 7 THEN [ZONED] \
         WHEN 8 THEN point({x: f[0], y: f[1]}) WHEN 9 THEN date({YMD}) \
         WHEN 10 THEN time({CLOCK, timezone: OFFSET}) ELSE [f[0], f[1]] END",
    )
    .note("dates of all years"),
];
