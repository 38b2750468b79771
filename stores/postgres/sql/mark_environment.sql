-- Writes the enrolment mark, or replaces it. $1: uuid, $2: name, $3: when, $4: fingerprint.
insert into redistrict_meta.environment as e (id, uuid, name, at, fingerprint)
values (1, $1, $2, $3, $4)
on conflict (id) do update
set uuid = excluded.uuid, name = excluded.name, at = excluded.at,
  fingerprint = excluded.fingerprint
