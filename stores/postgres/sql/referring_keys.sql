-- Foreign keys that refer to the tables $1 (schemas) and $2 (names), from anywhere.
with parent as (
  select c.oid
  from unnest($1, $2) as wanted (schema_name, table_name)
  join pg_namespace as n on n.nspname = wanted.schema_name
  join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.table_name
)
select
  k.conname::text as name,
  k.confupdtype::text as update_action,
  cn.nspname::text as child_schema,
  c.relname::text as child_table,
  c.relkind = 'r' as is_plain,
  rn.nspname::text as root_schema,
  r.relname::text as root_table,
  pn.nspname::text as parent_schema,
  p.relname::text as parent_table,
  array(
    select a.attname::text
    from unnest(k.conkey) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = key.number
    order by key.place
  ) as columns,
  array(
    select a.attname::text
    from unnest(k.confkey) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = key.number
    order by key.place
  ) as parent_columns
from pg_constraint as k
join pg_class as p on p.oid = coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid)
join pg_namespace as pn on pn.oid = p.relnamespace
join pg_class as c on c.oid = k.conrelid
join pg_namespace as cn on cn.oid = c.relnamespace
join pg_class as r on r.oid = coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid)
join pg_namespace as rn on rn.oid = r.relnamespace
where k.contype = 'f' and k.conparentid = 0 and p.oid in (select oid from parent)
order by 1, 2, 3
