-- What the rights on the tables $1 (schemas) and $2 (names) depend on: row security, and the schemas of
-- the types that statements name. $3: only those of columns that are keys or refer to keys.
with recursive wanted as (
  select c.oid, n.nspname, c.relname, c.relrowsecurity
  from unnest($1::text[], $2::text[]) as w (schema_name, table_name)
  join pg_namespace as n on n.nspname = w.schema_name
  join pg_class as c on c.relnamespace = n.oid and c.relname = w.table_name
  where c.relkind in ('r', 'p')
),
step as (
  select a.attrelid, a.attnum, a.atttypid as of_type
  from wanted
  join pg_attribute as a on a.attrelid = wanted.oid
  where a.attnum > 0
    and not a.attisdropped
    and (
      not $3
      or exists (
        select from pg_index as i
        where i.indrelid = a.attrelid and i.indisunique and a.attnum = any (i.indkey::int2[])
      )
      or exists (
        select from pg_constraint as k
        where k.conrelid = a.attrelid and k.contype = 'f' and a.attnum = any (k.conkey)
      )
    )
  union all
  select step.attrelid, step.attnum, t.typbasetype
  from step
  join pg_type as t on t.oid = step.of_type and t.typtype = 'd'
)
select
  wanted.nspname::text as schema_name,
  wanted.relname::text as table_name,
  wanted.relrowsecurity as has_row_security,
  array(
    select distinct n.nspname::text
    from step
    join pg_type as t on t.oid = step.of_type and t.typtype <> 'd'
    join pg_namespace as n on n.oid = t.typnamespace
    where step.attrelid = wanted.oid and n.nspname <> 'pg_catalog' and t.typname <> 'citext'
    order by 1
  ) as type_schemas
from wanted
order by 1, 2
