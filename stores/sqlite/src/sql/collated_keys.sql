-- Columns of unique keys with a collation of their own, in tables that a foreign key refers to.
select distinct parent.name, part.name, part.coll
from sqlite_master as parent
join pragma_index_list(parent.name) as key on key."unique" = 1
join pragma_index_xinfo(key.name) as part on part.key = 1 and part.name is not null
where parent.type = 'table'
  and part.coll <> 'BINARY'
  and exists (
    select 1
    from sqlite_master as child
    join pragma_foreign_key_list(child.name) as reference
    where child.type = 'table' and lower(reference."table") = lower(parent.name)
  )
order by 1, 2
