-- What the role may do beyond reading. $1: schemas, empty for every non-system one.
with relation as (
  select c.oid, c.relowner, c.relrowsecurity
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and (cardinality($1) = 0 or n.nspname = any ($1))
)
select
  r.rolsuper as is_superuser,
  -- Where row security is on, nobody else sees whole tables.
  r.rolbypassrls and not exists (select from relation where relrowsecurity) as is_bypassing,
  r.rolreplication as is_replication,
  r.rolcreaterole or r.rolcreatedb as is_creating_roles,
  (select count(*) from relation where pg_has_role(r.oid, relowner, 'member')) as owned,
  (
    select count(*) from relation
    where has_table_privilege(r.oid, oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
      or has_any_column_privilege(r.oid, oid, 'INSERT, UPDATE, REFERENCES')
  ) as writable,
  has_database_privilege(r.oid, current_database(), 'CREATE')
    or exists (
      select from pg_namespace as n
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and has_schema_privilege(r.oid, n.oid, 'CREATE')
    ) as is_creating,
  array(
    select g.rolname::text from pg_roles as g
    where g.rolname in (
        'pg_write_all_data', 'pg_execute_server_program', 'pg_write_server_files',
        'pg_read_server_files', 'pg_signal_backend', 'pg_maintain', 'pg_checkpoint'
      )
      and pg_has_role(r.oid, g.oid, 'member')
    order by 1
  ) as memberships,
  pg_is_in_recovery() as is_standby,
  current_setting('hot_standby_feedback', true) as feedback,
  current_setting('server_version_num')::int4 as version_number,
  (
    select count(distinct i.inhparent) from pg_inherits as i
    join relation on relation.oid = i.inhparent
    join pg_class as c on c.oid = i.inhparent and c.relkind = 'r'
  ) as inheritance_parents
from pg_roles as r
where r.rolname = current_user
