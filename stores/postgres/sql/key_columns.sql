-- Columns that rows are told or referred to by: primary keys, else unique keys over NOT NULL columns,
-- and both ends of foreign keys. $1: schemas, empty for every non-system one.
select distinct
  n.nspname::text as schema_name,
  c.relname::text as table_name,
  a.attname::text as column_name
from (
  select x.indrelid as relation, unnest((x.indkey::int2[])[:x.indnkeyatts - 1]) as number
  from pg_index as x
  where x.indisprimary
  union
  select x.indrelid, unnest((x.indkey::int2[])[:x.indnkeyatts - 1])
  from pg_index as x
  where x.indisunique and x.indisvalid and x.indpred is null and x.indexprs is null
    and not exists (select from pg_index as p where p.indrelid = x.indrelid and p.indisprimary)
    and not exists (
      select from unnest((x.indkey::int2[])[:x.indnkeyatts - 1]) as key (number)
      join pg_attribute as a on a.attrelid = x.indrelid and a.attnum = key.number
      where not a.attnotnull
    )
  union
  select k.conrelid, unnest(k.conkey) from pg_constraint as k where k.contype = 'f'
  union
  select k.confrelid, unnest(k.confkey) from pg_constraint as k where k.contype = 'f'
) as used
join pg_class as c on c.oid = coalesce(pg_partition_root(used.relation)::oid, used.relation)
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as used_attribute
  on used_attribute.attrelid = used.relation and used_attribute.attnum = used.number
join pg_attribute as a on a.attrelid = c.oid and a.attname = used_attribute.attname
where c.relkind in ('r', 'p')
  and n.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname = any ($1)
  end
order by 1, 2, 3
