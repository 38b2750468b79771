-- What the table $1 (schema), $2 (name) refers to: its foreign keys with the operators that compare the referenced
-- column (left) with the referring one, as far as the role may lock rows of the parent and sees all of them.
select
  k.conname::text as name,
  k.confmatchtype = 'f' as is_full,
  pn.nspname::text as parent_schema,
  p.relname::text as parent_table,
  p.relkind = 'r' as is_plain,
  array(
    select a.attname::text
    from unnest(k.conkey) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = key.number
    order by key.place
  ) as columns,
  array(
    select a.attname::text
    from unnest(k.confkey) with ordinality as key (number, place)
    join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = key.number
    order by key.place
  ) as parent_columns,
  array(
    select 'operator(' || quote_ident(n.nspname) || '.' || o.oprname || ')'
    from unnest(k.conpfeqop) with ordinality as equal (operator, place)
    join pg_operator as o on o.oid = equal.operator
    join pg_namespace as n on n.oid = o.oprnamespace
    order by equal.place
  ) as operators
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as cn on cn.oid = c.relnamespace
join pg_class as p on p.oid = k.confrelid
join pg_namespace as pn on pn.oid = p.relnamespace
where k.contype = 'f' and k.conparentid = 0
  and cn.nspname = $1 and c.relname = $2
  and has_schema_privilege(pn.oid, 'USAGE')
  and has_table_privilege(p.oid, 'SELECT')
  and has_any_column_privilege(p.oid, 'UPDATE')
  and not row_security_active(p.oid)
order by pn.nspname, p.relname, k.conname
