-- Partitions of a table that the role may read on their own. $1: schema, $2: table, $3: partitions asked for.
select leaf.oid, leaf_schema.nspname::text as schema_name, leaf.relname::text as table_name
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join pg_partition_tree(c.oid) as tree
join pg_class as leaf on leaf.oid = tree.relid
join pg_namespace as leaf_schema on leaf_schema.oid = leaf.relnamespace
where n.nspname = $1
  and c.relname = $2
  and leaf.oid = any ($3)
  and leaf.relkind = 'r'
  and has_schema_privilege(leaf_schema.oid, 'usage')
  and has_table_privilege(leaf.oid, 'select')
  and not row_security_active(leaf.oid)
