select name, type, "notnull", dflt_value is not null, pk, hidden
from pragma_table_xinfo(?1, ?2)
where hidden <> 1
order by cid
