-- Other sessions of our role on this database whose label begins with $1; $2 ends them.
select pid, case when $2 then pg_terminate_backend(pid) end as is_ending
from pg_stat_activity
where usename = current_user
  and datname = current_database()
  and pid <> pg_backend_pid()
  and starts_with(application_name, $1)
