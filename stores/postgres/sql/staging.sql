-- The staging tables of run $1, or the one of table $2.
select
  s.id, s.table_name, s.columns, s.identity,
  exists (
    select from pg_attribute as a
    where a.attrelid = to_regclass('redistrict_stage.s_' || s.id) and a.attname ~ '^p_' and a.attnum > 0
  ) as is_packed
from redistrict_meta.staging as s
where s.run_id = $1 and ($2 is null or s.table_name = $2)
order by s.id
