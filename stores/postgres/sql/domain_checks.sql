-- CHECK constraints of the domains that columns are of, nested ones included; a value stands in them
-- as VALUE. $1: schemas, empty for every non-system one.
with recursive attribute as (
  select n.nspname, c.relname, a.attname, a.attnum, a.atttypid as domain, 1 as depth
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type as t on t.oid = a.atttypid and t.typtype = 'd'
  where c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname not in ('redistrict_meta', 'redistrict_stage')
    and case
      when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      else n.nspname = any ($1)
    end
  union all
  select a.nspname, a.relname, a.attname, a.attnum, t.typbasetype, a.depth + 1
  from attribute as a
  join pg_type as t on t.oid = a.domain and t.typtype = 'd'
)
select
  a.nspname::text as schema_name,
  a.relname::text as table_name,
  a.attname::text as column_name,
  k.conname::text as name,
  coalesce(pg_get_expr(k.conbin, 0), '') as expression
from attribute as a
join pg_constraint as k on k.contypid = a.domain and k.contype = 'c'
order by a.nspname, a.relname, a.attnum, a.depth, k.conname
