-- CHECK and exclusion constraints. $1: schemas, empty for every non-system one.
select
  n.nspname::text as schema_name,
  c.relname::text as table_name,
  k.conname::text as name,
  k.contype::text as kind,
  coalesce(pg_get_expr(k.conbin, k.conrelid), '') as expression,
  array(
    select a.attname::text
    from unnest(k.conkey) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = key.number
    order by key.place
  ) as columns
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where k.contype in ('c', 'x')
  and not c.relispartition
  and n.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname = any ($1)
  end
order by n.nspname, c.relname, k.conname
