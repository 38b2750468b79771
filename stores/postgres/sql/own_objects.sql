-- Our tables in a target that belong to another role than $1: it enrolled the target.
select n.nspname::text as schema_name, c.relname::text as table_name
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('redistrict_meta', 'redistrict_stage')
  and c.relkind = 'r'
  and pg_get_userbyid(c.relowner) <> $1
order by 1, 2
