-- How the unique keys $3 (names of indexes) of table $1 (schema), $2 (name) are checked.
select
  i.relname::text as name,
  -- With every row; a deferrable one waits for the end of the statement.
  x.indimmediate as is_immediate,
  -- Two rows with NULL in it are equal (PostgreSQL 15).
  coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::bool, false) as is_null_a_value
from pg_index as x
join pg_class as i on i.oid = x.indexrelid
join pg_class as c on c.oid = x.indrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and i.relname = any ($3)
