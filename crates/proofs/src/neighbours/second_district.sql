-- A second district beside 255901: a copy of every row whose key holds one of its organisations or a person,
-- with these keys shifted. Which columns hold them is read from the foreign keys. Triggers stay silent.
set session_replication_role = replica;

create temporary table ours as
select educationorganizationid as id from edfi.educationorganization
where educationorganizationid in (255901, 255901001, 255901044, 255901107, 2559011);

-- Columns that hold the key of an organisation or of a person: the keys, and whatever refers to them.
create temporary table holder as
with recursive pair as (
  select c.conrelid as child, a.attname as child_column, c.confrelid as parent, b.attname as parent_column
  from pg_constraint as c
  cross join unnest(c.conkey, c.confkey) as k (child, parent)
  join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.child
  join pg_attribute as b on b.attrelid = c.confrelid and b.attnum = k.parent
  where c.contype = 'f'
),
found as (
  select 'edfi.educationorganization'::regclass::oid as relation, 'educationorganizationid'::name as name, 'organisation' as what
  union all select 'edfi.student'::regclass, 'studentusi', 'person'
  union all select 'edfi.staff'::regclass, 'staffusi', 'person'
  union all select 'edfi.contact'::regclass, 'contactusi', 'person'
  union
  select next.relation, next.name, found.what
  from found
  join lateral (
    select child as relation, child_column as name from pair
    where (parent, parent_column) = (found.relation, found.name)
    union all
    select parent, parent_column from pair where (child, child_column) = (found.relation, found.name)
  ) as next on true
)
select * from found;

do $$
declare
  target record;
  names text;
  fields text;
  is_moved text;
begin
  for target in
    select distinct i.indrelid as relation, i.indkey as key
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    join holder as h on h.relation = a.attrelid and h.name = a.attname
    where i.indisprimary
  loop
    select
      string_agg(format('%I', a.attname), ', ' order by a.attnum),
      string_agg(
        case
          when h.what = 'organisation'
            then format('case when %1$I in (select id from ours) then %1$I + 5000000000 else %1$I end', a.attname)
          when h.what = 'person' then format('%I + 5000000', a.attname)
          when u.is_unique and a.atttypid = 'uuid'::regtype then 'gen_random_uuid()'
          when u.is_unique and a.atttypid in ('varchar'::regtype, 'text'::regtype)
            then format('''Z'' || %I', a.attname)
          else format('%I', a.attname)
        end, ', ' order by a.attnum),
      string_agg(
        case h.what
          when 'organisation' then format('%I in (select id from ours)', a.attname)
          else 'true'
        end, ' or ') filter (where h.what is not null and a.attnum = any (target.key))
    into names, fields, is_moved
    from pg_attribute as a
    left join holder as h on h.relation = a.attrelid and h.name = a.attname
    -- A unique key of one column that is nobody's key has to differ as well.
    left join lateral (
      select true as is_unique from pg_index as i
      where i.indrelid = a.attrelid and i.indisunique and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
        and h.what is null
      limit 1
    ) as u on true
    where a.attrelid = target.relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
    execute format('insert into %1$s (%2$s) overriding system value select %3$s from %1$s where %4$s',
      target.relation::regclass, names, fields, is_moved);
  end loop;
end $$;

set session_replication_role = origin;
