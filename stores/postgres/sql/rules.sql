-- Rules that change what writing does, of tables by schema ($1) and name ($2). Those of views are not
-- among them: nobody writes views.
select n.nspname::text as schema_name, c.relname::text as table_name, r.rulename::text as rule_name
from unnest($1::text[], $2::text[]) as wanted (schema_name, table_name)
join pg_namespace as n on n.nspname = wanted.schema_name
join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.table_name
join pg_rewrite as r on r.ev_class = c.oid
where c.relkind in ('r', 'p') and r.ev_type in ('2', '3', '4') and r.ev_enabled in ('O', 'A')
order by 1, 2, 3
