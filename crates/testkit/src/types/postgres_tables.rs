//! The types of PostgreSQL, second half: types of the server itself, and types made of others.

use redistrict_model::ColumnType as C;

use super::KeyUse::{Impossible, Refused};
use super::{TypeEntry, array, entry};

pub(super) const OWN: &[TypeEntry] = &[
    entry("oid", C::Verbatim, &["0", "4294967295"], "(random() * 4e9)::int8::oid")
        .note("large objects that it may name do not move"),
    entry("regclass", C::Verbatim, &["'pg_class'", "0", "4294967295", "'row_like'"], "(4294967295 - g)::oid::regclass")
        .note("by name, as all `reg` types: the object must exist in CERT; numbers that name nothing stay numbers"),
    entry("regtype", C::Verbatim, &["'numeric'", "'mood'", "'text[]'"], "(4294967295 - g)::oid::regtype"),
    entry("regproc", C::Verbatim, &["'pg_sleep'", "0"], "4e9::int8::oid::regproc")
        .note("a function whose name is used more than once cannot be written back: the load refuses it; `regprocedure` can"),
    entry("regprocedure", C::Verbatim, &["'pg_sleep(float8)'", "0"], "(4294967295 - g)::oid::regprocedure"),
    entry("regoper", C::Verbatim, &["0", "'||/'"], "4e9::int8::oid::regoper"),
    entry("regoperator", C::Verbatim, &["'+(int4,int4)'", "0"], "(4294967295 - g)::oid::regoperator"),
    entry("regnamespace", C::Verbatim, &["'public'", "0"], "(4294967295 - g)::oid::regnamespace"),
    entry("regrole", C::Verbatim, &["'pg_monitor'", "0"], "4e9::int8::oid::regrole"),
    entry("regconfig", C::Verbatim, &["'english'"], "'simple'::regconfig"),
    entry("regdictionary", C::Verbatim, &["'simple'"], "'simple'::regdictionary"),
    entry("regcollation", C::Verbatim, &["'\"C\"'"], "'\"POSIX\"'::regcollation"),
    entry("pg_lsn", C::Verbatim, &["'0/0'", "'FFFFFFFF/FFFFFFFF'"], "('A/' || to_hex((random() * 2e9)::int4))::pg_lsn"),
    entry("xid", C::Verbatim, &["'0'", "'4294967295'"], "g::text::xid").key(Impossible),
    entry("xid8", C::Verbatim, &["'0'", "'18446744073709551615'"], "((random() * 1e18)::int8)::text::xid8"),
    entry("cid", C::Verbatim, &["'0'", "'4294967295'"], "g::text::cid").key(Impossible),
    entry("tid", C::Verbatim, &["'(0,0)'", "'(4294967295,65535)'"], "('(' || g || ',7)')::tid"),
    entry("pg_snapshot", C::Verbatim, &["'10:20:10,14,15'"], "(g || ':' || g + 9 || ':' || g + 2)::pg_snapshot").key(Impossible),
    entry("txid_snapshot", C::Verbatim, &["'10:20:10,14,15'"], "(g || ':' || g + 9 || ':')::txid_snapshot").key(Impossible),
    entry("refcursor", C::Verbatim, &["''", "'a b'"], "md5(random()::text)::refcursor").key(Impossible),
    entry("int2vector", C::Verbatim, &["''", "'1 -2 3'"], "(g % 999 || ' 7')::int2vector"),
    entry("oidvector", C::Verbatim, &["''", "'1 4294967295'"], "(g || ' 7')::oidvector"),
    entry("aclitem", C::Verbatim, &["'pg_monitor=r*w/pg_monitor'"], "makeaclitem('pg_monitor'::regrole, 'pg_monitor'::regrole, 'SELECT', g % 2 = 0)")
        .key(Impossible)
        .note("the roles must exist in CERT"),
];

pub(super) const RANGES: &[TypeEntry] = &[
    entry(
        "int4range",
        C::Range,
        &["'empty'", "'(,)'", "'[1,2147483647)'"],
        "int4range(g, g + (random() * 99)::int4)",
    ),
    entry(
        "int8range",
        C::Range,
        &["'[,5)'"],
        "int8range(g, g + (random() * 1e15)::int8)",
    ),
    entry(
        "numrange",
        C::Range,
        &["'[1.0,2.00]'", "'(-Infinity,NaN]'"],
        "numrange(g, (g + random() * 99)::numeric, '(]')",
    )
    .key(Refused),
    entry(
        "daterange",
        C::Range,
        &["'[infinity,infinity]'", "'[-infinity,4713-01-01 BC)'"],
        "daterange(date '2000-01-01' + g, date '2100-01-01' + g)",
    ),
    entry(
        "tsrange",
        C::Range,
        &["'[2000-01-01 00:00,infinity)'", "'(,294270-01-01]'"],
        "tsrange('2000-01-01', timestamp '2000-01-01' + random() * interval '9 years')",
    ),
    entry(
        "tstzrange",
        C::Range,
        &["'[2024-03-31 02:30 Europe/Berlin,)'"],
        "tstzrange('2000-01-01', timestamptz '2000-01-01' + random() * interval '9 years')",
    ),
    entry(
        "int4multirange",
        C::Range,
        &["'{}'", "'{[1,3),(7,)}'"],
        "int4multirange(int4range(0, g), int4range(g + 9, null))",
    ),
    entry(
        "nummultirange",
        C::Range,
        &["'{[1.50,2.0)}'"],
        "nummultirange(numrange(0, random()::numeric))",
    )
    .key(Refused),
    entry(
        "tstzmultirange",
        C::Range,
        &["'{[-infinity,infinity]}'"],
        "tstzmultirange(tstzrange('2000-01-01', timestamptz '2000-01-01' + random() * interval '9 years'))",
    ),
    entry(
        "float_range",
        C::Range,
        &["'[-0,0.1]'"],
        "float_range(0, random())",
    )
    .key(Refused),
    entry(
        "text_range",
        C::Range,
        &["'[\"a,b\",\"x\\\\\"]'", "'[\"\",\" \")'", "'(,\"\"\"\")'"],
        "text_range('a', 'b' || md5(random()::text))",
    ),
];

pub(super) const ARRAYS: &[TypeEntry] = &[
    array(
        "int4[]",
        C::Int32,
        &[
            "'{}'",
            "'{NULL,1,-2}'",
            "'[0:1][-3:-2]={{1,2},{3,4}}'",
            "'[5:5]={NULL}'",
        ],
        "array[g, null, (random() * 1e9)::int4]",
    )
    .note("bounds, dimensions and NULL elements as they are"),
    array(
        "bool[]",
        C::Bool,
        &["'{t,f,NULL}'"],
        "array[random() < 0.5, null]",
    ),
    array(
        "text[]",
        C::Text,
        &[
            "array['', 'NULL', null, 'a,b', '{}', '\"', '\\', ' ', E'\\n']",
            "array[['a', 'b'], ['c', null]]",
        ],
        "array[md5(random()::text), g || ' \"x\"']",
    ),
    array(
        "varchar(6)[]",
        C::Text,
        &["array['\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}', '']"],
        "array[left(md5(random()::text), 6)]",
    ),
    array(
        "name[]",
        C::Text,
        &["array['a b', 'NULL']::name[]"],
        "array['n' || g]::name[]",
    ),
    array(
        "char(4)[]",
        C::Char,
        &["array['a', '', null, '  b']"],
        "array[left(md5(random()::text), g % 5)]::char(4)[]",
    )
    .key(Refused),
    array(
        "\"char\"[]",
        C::Verbatim,
        &["array['a', '', '\"', ',']::\"char\"[]"],
        "array[chr(33 + g % 90)]::\"char\"[]",
    ),
    array(
        "numeric[]",
        C::Numeric,
        &["'{NaN,1.50,-0.00,Infinity}'"],
        "array[random()::numeric, g * 1.00]",
    )
    .key(Refused),
    array(
        "numeric(5,1)[]",
        C::Numeric,
        &["'{9999.9,NULL}'"],
        "array[(random() * 999)::numeric(5,1)]",
    )
    .key(Refused),
    array(
        "float8[]",
        C::Float64,
        &["'{NaN,-0,Infinity,5e-324}'"],
        "array[random(), -random()]",
    )
    .key(Refused),
    array(
        "date[]",
        C::Date,
        &["'{infinity,0044-03-15 BC}'"],
        "array[date '1900-01-01' + g]",
    ),
    array(
        "timestamptz[]",
        C::TimestampTz,
        &["'{infinity,\"294276-12-31 23:59:59+00\",\"0044-03-15 BC\"}'"],
        "array[timestamptz '1950-01-01' + random() * interval '100 years']",
    ),
    array(
        "timestamp(3)[]",
        C::Timestamp,
        &["'{\"2000-01-01 00:00:00.125\"}'"],
        "array[timestamp '1950-01-01' + random() * interval '100 years']::timestamp(3)[]",
    ),
    array(
        "timetz[]",
        C::Time,
        &["'{12:00:00.5+05:30}'"],
        "array[(random() * interval '1 day')::time::timetz]",
    ),
    array(
        "interval[]",
        C::Interval,
        &["'{\"-1 year +2 days\",NULL}'"],
        "array[random() * interval '10 years']",
    )
    .key(Refused),
    array(
        "bytea[]",
        C::Bytes,
        &["array['\\x00'::bytea, '', null]"],
        "array[decode(md5(random()::text), 'hex')]",
    ),
    array("uuid[]", C::Uuid, &["'{}'"], "array[gen_random_uuid()]"),
    array(
        "inet[]",
        C::Inet,
        &["'{10.0.0.1,::1/64}'"],
        "array[('10.0.0.' || g % 255)::inet]",
    ),
    array(
        "json[]",
        C::Json,
        &["array['{\"a\":  [1, \"x\\\\y\"]}', null]::json[]"],
        "array[('{\"x\" :' || random() || '}')::json]",
    )
    .key(Impossible),
    array(
        "jsonb[]",
        C::Json,
        &["array['{\"a\": \"b\"}', 'null']::jsonb[]"],
        "array[jsonb_build_object('k', random())]",
    )
    .key(Refused),
    array(
        "xml[]",
        C::Xml,
        &["array['<a b=\"c\"/>', null]::xml[]"],
        "array[('<a>' || g || '</a>')::xml]",
    )
    .key(Impossible),
    array(
        "money[]",
        C::Money,
        &["'{\"$1,234.50\"}'"],
        "array[(random() * 1e6)::numeric::money]",
    ),
    array(
        "bit(3)[]",
        C::Bits,
        &["'{101,NULL}'"],
        "array[(g % 8)::bit(3)]",
    ),
    array(
        "point[]",
        C::Verbatim,
        &["'{\"(1,2)\",NULL}'"],
        "array[point(random(), 1)]",
    )
    .key(Impossible),
    entry(
        "box[]",
        C::Verbatim,
        &["'{(1,1),(0,0);(2,2),(0,0)}'", "'{}'"],
        "array[box(point(random(), 1), point(0, 0))]",
    )
    .key(Impossible)
    .note("its elements are separated by semicolons, so it moves as a whole"),
    array(
        "int4range[]",
        C::Range,
        &["'{empty,\"[1,2)\",NULL}'"],
        "array[int4range(g, g + 5)]",
    ),
    array(
        "regclass[]",
        C::Verbatim,
        &["'{pg_class,0}'"],
        "array[(4294967295 - g)::oid::regclass]",
    ),
    array(
        "tsvector[]",
        C::Verbatim,
        &["array['''a b'':1'::tsvector]"],
        "array[to_tsvector('simple', 'x' || g)]",
    ),
    array(
        "mood[]",
        C::Enum,
        &["array['', 'NULL', 'a,b{}', null]::mood[]"],
        "array['so ''so', '\u{e4}\"']::mood[]",
    ),
    array(
        "short_name[]",
        C::Text,
        &["array['abcde', '']::short_name[]"],
        "array[left(md5(random()::text), 5)]::short_name[]",
    ),
    array(
        "money_like[]",
        C::Numeric,
        &["array[1.5, null]::money_like[]"],
        "array[(random() * 900)::numeric(5,2)]::money_like[]",
    )
    .key(Refused),
    array(
        "int_list[]",
        C::Verbatim,
        &["array['{1,2}', '{}']::int_list[]"],
        "array[array[g, 1]::int_list]",
    )
    .note("a domain over arrays is an element of its own"),
    array(
        "pair[]",
        C::Composite,
        &["array['(1,,,,\"{a,NULL}\",,)', null]::pair[]"],
        "array[(g, 'x', 1.5, 'so ''so', '{}', '2000-01-01', 'a')::pair]",
    )
    .key(Refused),
    array(
        "citext[]",
        C::Text,
        &["array['Ab', 'aB']::citext[]"],
        "array[md5(random()::text)]::citext[]",
    )
    .key(Refused),
    array(
        "hstore[]",
        C::Verbatim,
        &["array['a=>1', null]::hstore[]"],
        "array[hstore('k', g::text)]",
    ),
];

pub(super) const USERS: &[TypeEntry] = &[
    entry("mood", C::Enum, &["'so ''so'", "'\u{e4}\"'", "''", "'a,b{}'", "'NULL'"], "(array['so ''so', '\u{e4}\"'])[1 + (random() * 1)::int4]::mood")
        .note("any enum; by its labels, whatever casts there are"),
    entry("short_name", C::Text, &["'\u{e4}bcde'", "''"], "left(md5(random()::text), 5)")
        .note("any domain, nested or not: as what it is over; its checks and NOT NULL count as the table's"),
    entry("small_number", C::Int32, &["7", "-3"], "(random() * 100)::int4"),
    entry("money_like", C::Numeric, &["1.50", "999.99"], "(random() * 900)::numeric(5,2)"),
    entry("nested_money", C::Numeric, &["1.50"], "100 + (random() * 800)::numeric(5,2)"),
    entry("checked_mood", C::Enum, &["'NULL'"], "'a,b{}'"),
    array("int_list", C::Int32, &["'{1,NULL}'", "'[2:3]={1,2}'"], "array[g, 2]"),
    entry("pair", C::Composite, &["'(,,,,,,)'", "row(1, '', 1.50, 'NULL', array['a,\"', null], 'infinity', 'a')::pair", "row(null, '(\"\\),', null, null, '{}', null, null)::pair"], "row(g, md5(random()::text), random() * 99, 'a,b{}', array['x'], now(), 'b')::pair")
        .key(Refused)
        .note("any composite, row types of tables included; dropped attributes are gone"),
    entry("nested_pair", C::Composite, &["row(null, array[row(1, null, null, null, null, null, null)::pair, null], '<a b=\"c\"/>', '{\"a\" : 1}')::nested_pair"], "row(row(g, 'x', 1.5, 'so ''so', '{}', '2000-01-01', 'a')::pair, '{}', null, null)::nested_pair")
        .key(Refused),
    entry("checked_pair", C::Composite, &["'(14,,,,,,)'"], "row(g + 20, 'x', null, null, null, null, null)").key(Refused),
    entry("row_like", C::Composite, &["'(,)'", "'(1,\"\")'"], "row(g, md5(random()::text))::row_like"),
];

pub(super) const EXTENSIONS: &[TypeEntry] = &[
    entry(
        "citext",
        C::Text,
        &["'Ab'", "'aB'", "''"],
        "md5(random()::text)",
    )
    .key(Refused)
    .note("its letters as they are"),
    entry(
        "hstore",
        C::Verbatim,
        &["''", "'a=>NULL, \"b c\"=>\"\", d=>\"x\\\"y\"'"],
        "hstore('k' || g, md5(random()::text))",
    )
    .note("types of extensions move as the text that they print, as far as they read it back"),
    entry(
        "ltree",
        C::Verbatim,
        &["''", "'a.b_1.c'"],
        "('a.b' || g)::ltree",
    ),
    entry(
        "lquery",
        C::Verbatim,
        &["'a.*{1,2}.!b@'"],
        "('a' || g || '.*')::lquery",
    )
    .key(Impossible),
    entry(
        "ltxtquery",
        C::Verbatim,
        &["'a & !b*'"],
        "('a' || g || ' | b')::ltxtquery",
    )
    .key(Impossible),
    entry(
        "cube",
        C::Verbatim,
        &["'(0.1,-0)'", "'(1,2),(3,4)'"],
        "cube(random(), random())",
    )
    .key(Refused),
    entry(
        "seg",
        C::Verbatim,
        &["'1.50 .. 2.0'", "'<5'"],
        "(g || ' .. ' || g + 1)::seg",
    ),
    entry(
        "isbn13",
        C::Verbatim,
        &["'978-0-11-000533-1'"],
        "'978-0-306-40615-7'::isbn13",
    ),
    entry(
        "query_int",
        C::Verbatim,
        &["'1&(2|!3)'"],
        "(g || '|7')::query_int",
    )
    .key(Impossible),
];
