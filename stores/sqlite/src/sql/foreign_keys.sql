-- One row per column; "to" is NULL where the key refers to the parent's primary key.
select id, "table", "from", "to", on_update, on_delete
from pragma_foreign_key_list(?1, ?2)
order by id, seq
