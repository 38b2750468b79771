-- The configured schemas ($1) that do not exist.
select wanted
from unnest($1) as wanted
where not exists (select from pg_namespace as n where n.nspname = wanted)
