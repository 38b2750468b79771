-- Whether the table ($1 schema, $2 name), or a partition of it, holds any value outside of its rows.
-- Where none does, every value fits on a page and is small, compressed or not.
with root as (
  select c.oid, c.relkind
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
),
member as (
  select root.oid from root where root.relkind = 'r'
  union all
  select tree.relid from root cross join lateral pg_partition_tree(root.oid) as tree
  where root.relkind = 'p' and tree.isleaf
)
select coalesce(
  bool_or(c.relkind = 'f' or (c.reltoastrelid <> 0 and pg_relation_size(c.reltoastrelid) > 0)),
  false
) as is_possible
from member
join pg_class as c on c.oid = member.oid
