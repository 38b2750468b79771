-- The tables in which the open transaction has changed rows, triggers and cascades included; those of partitions stand with
-- the partitioned table, our own are left out.
select n.nspname::text as schema_name, c.relname::text as table_name,
  sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::int8 as changes
from pg_stat_xact_user_tables as s
join pg_class as c on c.oid = coalesce(pg_partition_root(s.relid)::oid, s.relid)
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname not in ('redistrict_meta', 'redistrict_stage')
group by 1, 2
having sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del) > 0
order by 1, 2
