-- Rising sequences that feed columns of the tables $1 (schemas) and $2 (names): owned ones and ones
-- that a default is, where the column is a number: what a default makes of a sequence otherwise
-- tells nothing about the sequence.
with wanted as (
  select c.oid, w.schema_name, w.table_name
  from unnest($1, $2) as w (schema_name, table_name)
  join pg_namespace as n on n.nspname = w.schema_name
  join pg_class as c on c.relnamespace = n.oid and c.relname = w.table_name
),
fed as (
  select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number
  from pg_depend as d
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
    and d.deptype in ('a', 'i') and d.refobjsubid > 0
  union
  select d.refobjid, ad.adrelid, ad.adnum
  from pg_attrdef as ad
  join pg_depend as d on d.classid = 'pg_attrdef'::regclass and d.objid = ad.oid
  where d.refclassid = 'pg_class'::regclass
    and pg_get_expr(ad.adbin, ad.adrelid) ~ '^nextval\(''([^'']|'''')+''::regclass\)$'
)
select
  wanted.schema_name,
  wanted.table_name,
  a.attname::text as column_name,
  sn.nspname::text as sequence_schema,
  s.relname::text as sequence_name,
  q.seqmax as highest,
  q.seqincrement as step,
  has_schema_privilege(sn.oid, 'usage')
    and has_sequence_privilege(s.oid, 'select')
    and has_sequence_privilege(s.oid, 'update') as may_raise,
  quote_ident(current_user) as role
from wanted
join fed on fed.relation = wanted.oid
join pg_class as s on s.oid = fed.sequence and s.relkind = 'S'
join pg_namespace as sn on sn.oid = s.relnamespace
join pg_sequence as q on q.seqrelid = s.oid and q.seqincrement > 0
join pg_attribute as a on a.attrelid = wanted.oid and a.attnum = fed.number
join pg_type as y on y.oid = a.atttypid
  and coalesce(nullif(y.typbasetype, 0), y.oid)
    in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
order by 1, 2, 3, 4, 5
