-- Primary and unique keys over plain columns, by their indexes; partial and expression indexes
-- identify no row. $1: schemas, empty for every non-system one.
select
  n.nspname::text as schema_name,
  c.relname::text as table_name,
  i.relname::text as name,
  x.indisprimary as is_primary,
  array(
    select a.attname::text
    from unnest(x.indkey::int2[]) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = x.indrelid and a.attnum = key.number
    where key.place <= x.indnkeyatts
    order by key.place
  ) as columns
from pg_index as x
join pg_class as i on i.oid = x.indexrelid
join pg_class as c on c.oid = x.indrelid
join pg_namespace as n on n.oid = c.relnamespace
where x.indisunique
  and x.indisvalid
  and x.indpred is null
  and x.indexprs is null
  and not c.relispartition
  and c.relkind in ('r', 'p')
  and n.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname = any ($1)
  end
order by n.nspname, c.relname, i.relname
