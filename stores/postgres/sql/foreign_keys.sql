-- Declared foreign keys; those of partitions are lifted to the partitioned table, both ends.
-- $1: schemas of the referring tables, empty for every non-system one.
with declared as (
  select
    k.conname,
    coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid) as child,
    coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid) as parent,
    k.conrelid <> coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid) as is_on_partition,
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
    ) as parent_columns,
    k.confdeltype = 'c' as is_cascade,
    k.condeferrable as is_deferrable,
    k.convalidated as is_validated
  from pg_constraint as k
  where k.contype = 'f' and k.conparentid = 0
),
merged as (
  select
    min(conname::text) as name, child, parent, columns, parent_columns,
    bool_or(is_cascade) as is_cascade,
    bool_and(is_deferrable) as is_deferrable,
    bool_or(not is_on_partition and is_validated)
      or (
        bool_and(is_validated)
        and count(*) = (
          select count(*) from pg_partition_tree(child) as tree where tree.isleaf
        )
      ) as is_validated
  from declared
  group by child, parent, columns, parent_columns
)
select
  cn.nspname::text as schema_name,
  c.relname::text as table_name,
  merged.name,
  merged.columns,
  pn.nspname::text as parent_schema,
  p.relname::text as parent_table,
  merged.parent_columns,
  merged.is_cascade,
  merged.is_deferrable,
  merged.is_validated
from merged
join pg_class as c on c.oid = merged.child
join pg_namespace as cn on cn.oid = c.relnamespace
join pg_class as p on p.oid = merged.parent
join pg_namespace as pn on pn.oid = p.relnamespace
where cn.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then cn.nspname !~ '^pg_' and cn.nspname <> 'information_schema'
    else cn.nspname = any ($1)
  end
order by cn.nspname, c.relname, merged.name collate "C", merged.columns
