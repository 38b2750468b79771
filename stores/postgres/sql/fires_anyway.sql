-- Why the triggers of tables $1 (schemas), $2 (names) cannot be switched off by session_replication_role: what fires all
-- the same, and what the server would no longer check and nobody else could.
with wanted as (
  select c.oid, n.nspname, c.relname
  from unnest($1::text[], $2::text[]) as named (schema_name, table_name)
  join pg_namespace as n on n.nspname = named.schema_name
  join pg_class as c on c.relnamespace = n.oid and c.relname = named.table_name
),
-- With its partitions.
member as (
  select wanted.oid as root, wanted.nspname, wanted.relname, wanted.oid from wanted
  union
  select wanted.oid, wanted.nspname, wanted.relname, tree.relid::oid
  from wanted cross join lateral pg_partition_tree(wanted.oid) as tree
)
select m.nspname::text as schema_name, m.relname::text as table_name, 'always' as reason, t.tgname::text as name
from member as m
join pg_trigger as t on t.tgrelid = m.oid
where not t.tgisinternal and t.tgenabled in ('A', 'R')
union
select m.nspname, m.relname, 'rule', r.rulename
from member as m
join pg_rewrite as r on r.ev_class = m.oid
where r.ev_type in ('2', '3', '4') and r.ev_enabled = 'R'
union
select m.nspname, m.relname, 'deferrable', k.conname
from member as m
join pg_constraint as k on k.conrelid = m.oid
where k.contype in ('p', 'u', 'x') and k.condeferrable
union
select m.nspname, m.relname, 'partition', k.conname
from member as m
join pg_constraint as k on k.conrelid = m.oid
where k.contype = 'f' and k.conparentid = 0 and m.oid <> m.root
union
-- The same rights as in references.sql.
select m.nspname, m.relname, 'parent', format('%s.%s', pn.nspname, p.relname)
from member as m
join pg_constraint as k on k.conrelid = m.oid
join pg_class as p on p.oid = k.confrelid
join pg_namespace as pn on pn.oid = p.relnamespace
where k.contype = 'f' and k.conparentid = 0 and m.oid = m.root
  and not (
    has_schema_privilege(pn.oid, 'USAGE')
    and has_table_privilege(p.oid, 'SELECT')
    and has_any_column_privilege(p.oid, 'UPDATE')
    and not row_security_active(p.oid)
  )
order by 1, 2, 3, 4
