-- Columns of logical tables: domains resolved to their base type, partitions left out.
-- $1: schemas, empty for every non-system one. $2: table names, null for all.
with recursive chosen as (
  select c.oid, n.nspname, c.relname, c.relkind
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname not in ('redistrict_meta', 'redistrict_stage')
    and case
      when cardinality($1) = 0 then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      else n.nspname = any ($1)
    end
    and ($2 is null or c.relname = any ($2))
),
attribute as (
  select chosen.nspname, chosen.relname, chosen.relkind, a.*
  from chosen
  join pg_attribute as a on a.attrelid = chosen.oid
  where a.attnum > 0 and not a.attisdropped
),
step as (
  select distinct
    atttypid as declared, atttypid as base, -1 as typmod, false as is_mandatory, false as has_default
  from attribute
  union all
  select
    step.declared, t.typbasetype, t.typtypmod,
    step.is_mandatory or t.typnotnull, step.has_default or t.typdefault is not null
  from step
  join pg_type as t on t.oid = step.base
  where t.typtype = 'd'
)
select
  attribute.nspname::text as schema_name,
  attribute.relname::text as table_name,
  attribute.relkind::text as kind,
  attribute.attname::text as column_name,
  format_type(attribute.atttypid, attribute.atttypmod) as source_type,
  format_type(base.oid, -1) as base_type,
  -- Without a name the type does not move: equality of text is then not that of its bytes.
  case
    when base.typnamespace = 'pg_catalog'::regnamespace and coalesce(co.collisdeterministic, true)
      then base.typname::text
    else ''
  end as base_name,
  base.typtype::text as base_kind,
  case when attribute.atttypid = base.oid then attribute.atttypmod else step.typmod end as typmod,
  attribute.attnotnull or step.is_mandatory as is_mandatory,
  attribute.attgenerated::text as generated,
  attribute.attidentity::text as identity,
  attribute.atthasdef or step.has_default as has_default,
  coalesce(pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\(', false) as is_serial,
  array(
    select e.enumlabel::text from pg_enum as e where e.enumtypid = base.oid order by e.enumsortorder
  ) as labels
from attribute
join step on step.declared = attribute.atttypid
join pg_type as base on base.oid = step.base and base.typtype <> 'd'
left join pg_collation as co on co.oid = attribute.attcollation
left join pg_attrdef as d on d.adrelid = attribute.attrelid and d.adnum = attribute.attnum
order by attribute.nspname, attribute.relname, attribute.attnum
