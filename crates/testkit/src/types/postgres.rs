//! The types of PostgreSQL. Order: numbers, texts, times, networks, documents, bits, geometry, the
//! server's own, ranges, arrays, types of users, types of extensions.

use redistrict_model::ColumnType as C;

use super::KeyUse::{Impossible, Refused};
use super::postgres_tables::{ARRAYS, EXTENSIONS, OWN, RANGES, USERS};
use super::{TypeEntry, entry};

/// What the types need in a database, as a superuser.
pub const DEFINITIONS: &str = include_str!("postgres.sql");

/// Every entry, each name once.
pub fn all() -> impl Iterator<Item = &'static TypeEntry> {
    [
        NUMBERS, TEXTS, TIMES, NETWORKS, DOCUMENTS, GEOMETRY, OWN, RANGES, ARRAYS, USERS,
        EXTENSIONS,
    ]
    .into_iter()
    .flatten()
}

const NUMBERS: &[TypeEntry] = &[
    entry("bool", C::Bool, &["true", "false"], "random() < 0.5"),
    entry(
        "int2",
        C::Int16,
        &["-32768", "32767", "0"],
        "(random() * 65535 - 32768)::int2",
    ),
    entry(
        "int4",
        C::Int32,
        &["-2147483648", "2147483647"],
        "(random() * 4294967295 - 2147483648)::int4",
    ),
    entry(
        "int8",
        C::Int64,
        &["-9223372036854775808", "9223372036854775807"],
        "(random() * 1e18)::int8 - 500000000000000000",
    ),
    entry(
        "float4",
        C::Float32,
        &[
            "'NaN'",
            "'-Infinity'",
            "'Infinity'",
            "'-0'",
            "1e-45",
            "3.4028235e38",
        ],
        "(random() * 1e10 - 5e9)::float4",
    )
    .key(Refused)
    .note("NaN, infinities and -0 as they are"),
    entry(
        "float8",
        C::Float64,
        &[
            "'NaN'",
            "'-Infinity'",
            "'-0'",
            "5e-324",
            "1.7976931348623157e308",
            "0.1",
        ],
        "random() * 1e-3",
    )
    .key(Refused)
    .note("NaN, infinities and -0 as they are"),
    entry(
        "numeric",
        C::Numeric,
        &[
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1.500",
            "-0.000",
            "1e-100",
            "1e100",
            "repeat('9', 1000)::numeric",
            "1e131071::numeric",
            "('0.' || repeat('0', 16382) || '1')::numeric",
        ],
        "(random() * 1e15)::numeric * 1.000000000001",
    )
    .note("any number of digits; the scale is kept; as a key without zeros at the end"),
    entry(
        "numeric(12,3)",
        C::Numeric,
        &["999999999.999", "-0.001", "'NaN'"],
        "(random() * 1e6)::numeric(12,3)",
    ),
    entry(
        "money",
        C::Money,
        &["'-92233720368547758.08'", "'92233720368547758.07'", "'0'"],
        "((random() * 1e9)::numeric - 5e8)::money",
    )
    .note(
        "printed and read under `lc_monetary = 'C'` on both sides: the stored number is the same",
    ),
];

const TEXTS: &[TypeEntry] = &[
    entry(
        "text",
        C::Text,
        &[
            "''",
            "' '",
            "E'\\t\\n\\r\\\\'",
            "'\u{1f600} \u{e9}e\u{301}'",
            "'\\N'",
            "'NULL'",
            "repeat('x', 100000)",
        ],
        "md5(random()::text)",
    )
    .note("a collation that is not deterministic is refused for keys"),
    entry(
        "varchar(40)",
        C::Text,
        &["''", "repeat('\u{e4}', 40)", "'  two  '"],
        "left(md5(random()::text), 9)",
    ),
    entry("varchar", C::Text, &["''"], "md5(random()::text)"),
    entry(
        "name",
        C::Text,
        &["'a\"b'", "repeat('x', 63)"],
        "left(md5(random()::text), 9)",
    ),
    entry(
        "char(7)",
        C::Char,
        &["''", "'ab'", "'1234567'", "'  a'", "'\u{e4}'"],
        "left(md5(random()::text), 5)",
    )
    .note("without the padding, which the column's length puts back"),
    entry(
        "bpchar",
        C::Char,
        &["''", "'ab  '", "'  '"],
        "left(md5(random()::text), 5) || repeat(' ', g % 3)",
    )
    .note("without a length the spaces at the end are kept"),
    entry(
        "\"char\"",
        C::Verbatim,
        &["'a'", "''", "'\"'", "' '", "'\\'"],
        "chr(33 + (random() * 90)::int4)::\"char\"",
    ),
    entry(
        "bytea",
        C::Bytes,
        &[
            "''",
            "'\\x00ff'",
            "'\\x5c785c'",
            "decode(repeat('00', 70000), 'hex')",
        ],
        "decode(md5(random()::text), 'hex')",
    ),
];

const TIMES: &[TypeEntry] = &[
    entry(
        "date",
        C::Date,
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'5874897-12-31'",
            "'1970-01-01'",
        ],
        "date '1900-01-01' + (random() * 80000)::int4",
    ),
    entry(
        "timestamp",
        C::Timestamp,
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 00:00:00 BC'",
            "'1999-12-31 23:59:59.999999'",
            "'294247-01-10 04:00:54.775806'",
        ],
        "timestamp '1950-01-01' + random() * interval '100 years'",
    )
    .note("after 294247-01-10 04:00:54.775806: refused in the plan"),
    entry(
        "timestamp(3)",
        C::Timestamp,
        &["'2024-02-29 12:00:00.123'"],
        "timestamp '2000-01-01' + random() * interval '9 years'",
    ),
    entry(
        "timestamptz",
        C::TimestampTz,
        &[
            "'infinity'",
            "'-infinity'",
            "'1969-12-31 23:59:59.999999+00'",
            "'2024-03-31 02:30:00 Europe/Berlin'",
            "'294247-01-10 04:00:54.775806+00'",
        ],
        "timestamptz '1950-01-01' + random() * interval '100 years'",
    )
    .note("after 294247-01-10 04:00:54.775806 UTC: refused in the plan"),
    entry(
        "timestamptz(0)",
        C::TimestampTz,
        &["'2024-02-29 12:00:00+00'"],
        "timestamptz '2000-01-01' + random() * interval '9 years'",
    ),
    entry(
        "time",
        C::Time,
        &["'00:00'", "'24:00:00'", "'23:59:59.999999'"],
        "(random() * interval '1 day')::time",
    ),
    entry(
        "time(2)",
        C::Time,
        &["'10:00:00.25'"],
        "(random() * interval '1 day')::time",
    ),
    entry(
        "timetz",
        C::Time,
        &[
            "'12:00:00.000001+05:30'",
            "'24:00:00-15:59'",
            "'00:00+15:59:59'",
        ],
        "(random() * interval '1 day')::time::timetz",
    ),
    entry(
        "interval",
        C::Interval,
        &[
            "'-1 year +2 days -03:04:05.678901'",
            "'178000000 years'",
            "'0'",
            "'-00:00:00.000001'",
            "'1 mon -1 day'",
            "'-2147483648 mons'",
        ],
        "random() * interval '10 years' - interval '3 days 1 month'",
    )
    .key(Refused),
    entry(
        "interval day to second",
        C::Interval,
        &["'1 day 02:03:04.5'"],
        "random() * interval '10 days'",
    )
    .key(Refused),
    entry(
        "interval second(2)",
        C::Interval,
        &["'00:00:04.25'"],
        "random() * interval '10 days'",
    )
    .key(Refused),
];

const NETWORKS: &[TypeEntry] = &[
    entry(
        "uuid",
        C::Uuid,
        &["'00000000-0000-0000-0000-000000000000'"],
        "gen_random_uuid()",
    ),
    entry(
        "inet",
        C::Inet,
        &[
            "'10.0.0.1'",
            "'10.1.2.3/8'",
            "'::1/128'",
            "'fe80::1/10'",
            "'0.0.0.0/0'",
        ],
        "('10.0.0.' || (random() * 255)::int4 || '/' || 1 + (random() * 31)::int4)::inet",
    ),
    entry(
        "cidr",
        C::Inet,
        &["'10.0.0.0/8'", "'::/0'"],
        "('10.' || (random() * 255)::int4 || '.' || (random() * 255)::int4 || '.0/24')::cidr",
    ),
    entry(
        "macaddr",
        C::Inet,
        &["'08:00:2b:01:02:03'"],
        "left(md5(random()::text), 12)::macaddr",
    ),
    entry(
        "macaddr8",
        C::Inet,
        &["'08:00:2b:01:02:03:04:05'"],
        "left(md5(random()::text), 16)::macaddr8",
    ),
];

const DOCUMENTS: &[TypeEntry] = &[
    entry(
        "json",
        C::Json,
        &[
            "'{\"a\":  1, \"a\": 2}'",
            "'null'",
            "'\"\\u0001\"'",
            "'\"\\u0000\"'",
            "' [1e5 ]'",
        ],
        "('{\"x\" :' || random() || '}')::json",
    )
    .key(Impossible)
    .note("spaces, order and repeated names as they are"),
    entry(
        "jsonb",
        C::Json,
        &[
            "'{\"b\": 1e400, \"a\": [1.50, null, \"\\\\\"]}'",
            "'[]'",
            "'-0.00'",
        ],
        "jsonb_build_object('k', random(), 'l', jsonb_build_array(null, md5(random()::text)))",
    )
    .key(Refused),
    entry(
        "jsonpath",
        C::Verbatim,
        &[
            "'$.a[*] ? (@.b > 1.50 && @.\"c d\" like_regex \"^x\" flag \"i\")'",
            "'strict $'",
        ],
        "('$.a' || g || '[' || (random() * 99)::int4 || ' to last]')::jsonpath",
    )
    .key(Impossible),
    entry(
        "xml",
        C::Xml,
        &[
            "'<a>x</a>'",
            "'<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>'",
            "'two <b/> contents &amp; '::text::xml",
            "''::text::xml",
            "'<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>'",
        ],
        "('<a b=\"' || random() || '\">' || g || '</a>')::xml",
    )
    .key(Impossible)
    .note("the stored text, declaration included; documents and contents"),
    entry(
        "tsvector",
        C::Verbatim,
        &[
            "''",
            "'''two words'':1A,3 ''it''''s'':2B ''back\\\\slash'''",
            "'a:16383'",
        ],
        "to_tsvector('simple', md5(random()::text) || ' ' || g || ' ''x')",
    ),
    entry(
        "tsquery",
        C::Verbatim,
        &["''", "'!a & (b:*AB | ''c d'') <3> e'"],
        "to_tsquery('simple', 'a' || g || ' & !b' || (random() * 99)::int4)",
    )
    .key(Refused),
    entry(
        "bit(5)",
        C::Bits,
        &["B'00000'", "B'10101'"],
        "(random() * 31)::int4::bit(5)",
    ),
    entry(
        "varbit",
        C::Bits,
        &["B''", "B'0'", "B'00'", "repeat('10', 5000)::varbit"],
        "left((random() * 2147483647)::int4::bit(32)::text, (random() * 32)::int4)::varbit",
    ),
    entry(
        "varbit(9)",
        C::Bits,
        &["B'101010101'"],
        "(random() * 255)::int4::bit(8)",
    ),
];

const GEOMETRY: &[TypeEntry] = &[
    entry(
        "point",
        C::Verbatim,
        &["'(NaN,-0)'", "'(Infinity,1e-320)'", "'(0.1,1e300)'"],
        "point(random(), random() * 1e-9)",
    )
    .key(Impossible),
    entry(
        "line",
        C::Verbatim,
        &["'{1,-0,3}'"],
        "line(point(random(), 1), point(2, random()))",
    )
    .key(Impossible),
    entry(
        "lseg",
        C::Verbatim,
        &["'[(0,0),(-0,1)]'"],
        "lseg(point(random(), random()), point(2, 3))",
    )
    .key(Impossible),
    entry(
        "box",
        C::Verbatim,
        &["'(0,0),(1,1)'", "'(1,1),(1,1)'"],
        "box(point(random(), random()), point(random(), random()))",
    )
    .key(Impossible),
    entry(
        "path",
        C::Verbatim,
        &["'((0,0),(1,1))'", "'[(0,0),(1,1),(2,0.1)]'"],
        "('[(' || random() || ',0),(1,' || random() || ')]')::path",
    )
    .key(Impossible),
    entry(
        "polygon",
        C::Verbatim,
        &["'((0,0),(1,1),(2,0))'"],
        "polygon(5, circle(point(random(), 0), random() + 0.1))",
    )
    .key(Impossible),
    entry(
        "circle",
        C::Verbatim,
        &["'<(1,2),0>'"],
        "circle(point(random(), random()), random())",
    )
    .key(Impossible),
];
