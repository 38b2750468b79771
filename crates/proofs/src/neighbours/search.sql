-- Keys of the second district in this database: in every column of every table those of its organisations, as text;
-- in every column that holds a person's key, by the foreign keys, those of its people. Each place with how often.
with recursive pair as (
  select c.conrelid as child, a.attname as child_column, c.confrelid as parent, b.attname as parent_column
  from pg_constraint as c
  cross join unnest(c.conkey, c.confkey) as k (child, parent)
  join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.child
  join pg_attribute as b on b.attrelid = c.confrelid and b.attnum = k.parent
  where c.contype = 'f'
),
person as (
  select 'edfi.student'::regclass::oid as relation, 'studentusi'::name as name
  union all select 'edfi.staff'::regclass, 'staffusi'
  union all select 'edfi.contact'::regclass, 'contactusi'
  union
  select pair.child, pair.child_column
  from person join pair on (pair.parent, pair.parent_column) = (person.relation, person.name)
),
place as (
  select
    format('%s.%I', relation::regclass, name) as name,
    format('select count(*) as n from %s where %I > 5000000', relation::regclass, name) as statement
  from person
  union all
  select
    format('%s.%I', a.attrelid::regclass, a.attname),
    format('select count(*) as n from %s where %I::text ~ %L', a.attrelid::regclass, a.attname,
      '(^|[^0-9])(5000255901|5255901001|5255901044|5255901107|5002559011)($|[^0-9])')
  from pg_attribute as a
  join pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema')
  where a.attnum > 0 and not a.attisdropped
    -- Only tables that may hold a row.
    and pg_relation_size(c.oid) > 0
)
select name, (xpath('/row/n/text()', query_to_xml(statement, false, true, '')))[1]::text
from place
order by name;
