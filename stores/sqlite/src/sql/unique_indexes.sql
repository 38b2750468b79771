-- Unique indexes over plain columns of all rows, and the primary key's.
select l.name, l.origin, x.name
from pragma_index_list(?1, ?2) as l
join pragma_index_xinfo(l.name, ?2) as x
where l."unique" = 1 and l.partial = 0 and x.key = 1
  and not exists (
    select 1 from pragma_index_xinfo(l.name, ?2) as e where e.key = 1 and e.cid < 0
  )
order by l.name, x.seqno
