-- Per logical table what is not about its columns. $1: schemas, empty for every non-system one.
select
  n.nspname::text as schema_name,
  c.relname::text as table_name,
  row_security_active(c.oid) as row_security,
  case
    when c.relkind = 'r' then nullif(c.reltuples, -1)
    else (
      select sum(leaf.reltuples)
      from pg_partition_tree(c.oid) as tree
      join pg_class as leaf on leaf.oid = tree.relid
      where tree.isleaf and leaf.reltuples >= 0
    )
  end::float8 as estimate,
  above_schema.nspname::text as inherits_schema,
  above.relname::text as inherits_table
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join pg_inherits as i on i.inhrelid = c.oid and i.inhseqno = 1 and not c.relispartition
left join pg_class as above on above.oid = i.inhparent
left join pg_namespace as above_schema on above_schema.oid = above.relnamespace
where c.relkind in ('r', 'p')
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname = any ($1)
  end
