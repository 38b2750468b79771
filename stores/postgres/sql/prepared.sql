-- The names of prepared transactions of this database that begin with $1, without what tells its names from those of
-- the server's other databases.
select left(gid, -1 - length(d.oid::text)) as gid
from pg_prepared_xacts
join pg_database as d on d.datname = database and d.datname = current_database()
where starts_with(gid, $1)
  and right(gid, 1 + length(d.oid::text)) = '@' || d.oid
order by gid
