-- The tables of one attached file; virtual tables, their shadows and views are not among them.
select name, wr
from pragma_table_list
where schema = ?1 and type = 'table' and name not like 'sqlite\_%' escape '\'
order by name
