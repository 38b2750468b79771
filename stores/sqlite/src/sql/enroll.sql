insert into redistrict_environment (only_row, format, uuid, name, at, fingerprint)
values (1, ?1, ?2, ?3, ?4, ?5)
on conflict (only_row) do update
set format = excluded.format, uuid = excluded.uuid, name = excluded.name,
    at = excluded.at, fingerprint = excluded.fingerprint
