-- Tells this database from every other one, over restarts and renames.
select c.system_identifier::text || '/' || d.oid::text as fingerprint,
  current_setting('server_version') as version
from pg_control_system() as c
join pg_database as d on d.datname = current_database()
