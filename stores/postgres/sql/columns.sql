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
),
-- The type itself and whatever its values are made of.
part as (
  select distinct declared, declared as oid
  from step
  union
  select part.declared, inner_type.oid
  from part
  join pg_type as t on t.oid = part.oid
  cross join lateral (
    select t.typbasetype as oid where t.typtype = 'd'
    union all
    select e.oid from pg_type as e where e.oid = t.typelem and e.typarray = t.oid
    union all
    select a.atttypid from pg_attribute as a
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    union all
    select r.rngsubtype from pg_range as r where t.typtype = 'r' and r.rngtypid = t.oid
    union all
    -- Multiranges are younger than the oldest servers that are read.
    select r.rngtypid from pg_range as r
    where t.typtype = 'm' and (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid
  ) as inner_type
),
-- Names of types that mean something to us; all others are empty.
named as (
  select t.oid,
    case
      when t.typnamespace = 'pg_catalog'::regnamespace then t.typname::text
      when x.extname is not null then x.extname::text || '.' || t.typname::text
      else ''
    end as name
  from pg_type as t
  left join pg_depend as d on d.classid = 'pg_type'::regclass and d.objid = t.oid
    and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
  left join pg_extension as x on x.oid = d.refobjid
  where t.oid in (select part.oid from part)
),
-- Arrays with their elements, domains over elements resolved.
element as (
  select a.oid, e.oid as declared, e.oid as base, e.typdelim::text as delimiter
  from pg_type as a
  join pg_type as e on e.oid = a.typelem and e.typarray = a.oid
  where a.oid in (select base from step)
  union all
  select element.oid, element.declared, t.typbasetype, element.delimiter
  from element
  join pg_type as t on t.oid = element.base
  where t.typtype = 'd'
)
select
  attribute.nspname::text as schema_name,
  attribute.relname::text as table_name,
  attribute.relkind::text as kind,
  attribute.attname::text as column_name,
  format_type(attribute.atttypid, attribute.atttypmod) as source_type,
  format_type(base.oid, -1) as base_type,
  (select named.name from named where named.oid = base.oid) as base_name,
  base.typtype::text as base_kind,
  attribute.atttypid <> base.oid as is_domain,
  (select named.name from named where named.oid = items.oid) as element_name,
  items.typtype::text as element_kind,
  exists (
    select from pg_type as e where e.oid = items.typelem and e.typarray = items.oid
  ) as is_element_array,
  element.delimiter as delimiter,
  array(
    select distinct named.name
    from part
    join named on named.oid = part.oid
    where part.declared = attribute.atttypid
    order by named.name
  ) as parts,
  coalesce(co.collisdeterministic, true) as is_deterministic,
  case when attribute.atttypid = base.oid then attribute.atttypmod else step.typmod end as typmod,
  attribute.attnotnull or step.is_mandatory or (
    -- What one partition demands, rows of the table may not lack.
    attribute.relkind = 'p' and exists (
      select from pg_partition_tree(attribute.attrelid) as tree
      join pg_attribute as leaf on leaf.attrelid = tree.relid and leaf.attname = attribute.attname
      where tree.isleaf and leaf.attnotnull
    )
  ) as is_mandatory,
  attribute.attgenerated::text as generated,
  attribute.attidentity::text as identity,
  exists (
    select from pg_index as x
    join pg_class as i on i.oid = x.indexrelid
    join pg_am as m on m.oid = i.relam
    where x.indrelid = attribute.attrelid and x.indkey[0] = attribute.attnum
      and x.indisvalid and x.indpred is null and m.amname = 'btree'
  ) as is_leading,
  attribute.atthasdef or step.has_default as has_default,
  coalesce(pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\(', false) as is_serial,
  array(
    select e.enumlabel::text from pg_enum as e where e.enumtypid in (base.oid, items.oid) order by e.enumsortorder
  ) as labels
from attribute
join step on step.declared = attribute.atttypid
join pg_type as base on base.oid = step.base and base.typtype <> 'd'
left join (
  element join pg_type as items on items.oid = element.base and items.typtype <> 'd'
) on element.oid = base.oid
left join pg_collation as co on co.oid = attribute.attcollation
left join pg_attrdef as d on d.adrelid = attribute.attrelid and d.adnum = attribute.attnum
order by attribute.nspname, attribute.relname, attribute.attnum
