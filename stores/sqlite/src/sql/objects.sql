-- Our own objects in one file of a target. Left out of its catalog.
create table if not exists redistrict_environment (
  only_row integer primary key check (only_row = 1),
  format integer not null,
  uuid text not null,
  name text not null,
  at text not null,
  fingerprint text not null
) strict;

-- run_id is NULL while nobody holds the lease; the epoch only goes up. beat: when the holder was heard of last,
-- in seconds since 1970 UTC. journal_mode: what the file has to be put back into.
create table if not exists redistrict_lease (
  only_row integer primary key check (only_row = 1),
  epoch integer not null,
  run_id text,
  owner text,
  beat integer,
  journal_mode text
) strict;

insert into redistrict_lease (only_row, epoch, run_id)
select 1, 0, null
where not exists (select 1 from redistrict_lease);

-- One row per run whose data is there; the same row in every file of the group. district: a keyed hash; key_id
-- names the key of the hashes in the ledger.
create table if not exists redistrict_run (
  position integer primary key,
  run_id text not null unique,
  parent text,
  epoch integer not null,
  plan_digest text not null,
  state text not null,
  district text,
  key_id text
) strict;

-- Which staging table holds the rows of which table; names as JSON arrays.
create table if not exists redistrict_staging (
  number integer primary key,
  run_id text not null,
  table_name text not null,
  columns text not null,
  identity text not null,
  unique (run_id, table_name)
) strict;

create table if not exists redistrict_part (
  run_id text not null,
  table_name text not null,
  part integer not null,
  row_count integer not null,
  primary key (run_id, table_name, part)
) strict, without rowid;

-- keys and after are packed by ledger.rs, before is an Arrow IPC stream.
create table if not exists redistrict_ledger (
  position integer not null,
  run_id text not null,
  table_name text not null,
  part integer not null,
  operation text not null,
  row_count integer not null,
  keys blob not null,
  after blob not null,
  before blob,
  primary key (run_id, table_name, part)
) strict;
