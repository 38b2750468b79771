-- User triggers with the text of what they run; those of partitions stand with the partitioned table.
-- $1: schemas, empty for every non-system one.
select
  n.nspname::text as schema_name,
  c.relname::text as table_name,
  t.tgname::text as name,
  bool_or(t.tgenabled in ('O', 'A')) as is_enabled,
  array_agg(distinct p.prosrc) filter (where p.prosrc ~* '\minto\M') as bodies
from pg_trigger as t
join pg_proc as p on p.oid = t.tgfoid
join pg_class as c on c.oid = coalesce(pg_partition_root(t.tgrelid)::oid, t.tgrelid)
join pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal
  and c.relkind in ('r', 'p')
  and n.nspname not in ('redistrict_meta', 'redistrict_stage')
  and case
    when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname = any ($1)
  end
group by n.nspname, c.relname, t.tgname
order by n.nspname, c.relname, t.tgname
