-- Our own objects in a target. Idempotent; runs inside a transaction.
-- Where the schemas are there, the role need not be allowed to make any.
do $$
begin
  if to_regnamespace('redistrict_meta') is null then
    create schema redistrict_meta;
  end if;
  if to_regnamespace('redistrict_stage') is null then
    create schema redistrict_stage;
  end if;
end
$$;

create table if not exists redistrict_meta.environment (
  id int2 primary key default 1 check (id = 1),
  kind text not null default 'cert' check (kind = 'cert'),
  uuid text not null,
  name text not null,
  at text not null,
  fingerprint text not null
);

create table if not exists redistrict_meta.lease (
  id int2 primary key default 1 check (id = 1),
  epoch int8 not null,
  run_id text,
  owner text
);
do $$
begin
  -- Of an earlier version. Whoever does not own the table may enroll again where nothing is to be added.
  if not exists (
    select from pg_attribute
    where attrelid = 'redistrict_meta.lease'::regclass and attname = 'owner' and not attisdropped
  ) then
    alter table redistrict_meta.lease add column owner text;
  end if;
end
$$;
insert into redistrict_meta.lease (id, epoch) values (1, 0) on conflict do nothing;

create table if not exists redistrict_meta.heartbeat (
  id int2 primary key default 1 check (id = 1),
  at timestamptz not null
);

create table if not exists redistrict_meta.run (
  seq int8 generated always as identity unique,
  run_id text primary key,
  parent text,
  epoch int8 not null,
  plan_digest text not null,
  state text not null check (state in ('committed', 'undone')),
  at timestamptz not null default now(),
  -- A keyed hash; and what names the key of the hashes in the ledger.
  district text,
  key_id text
);
do $$
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'redistrict_meta.run'::regclass and attname = 'key_id' and not attisdropped
  ) then
    alter table redistrict_meta.run add column district text, add column key_id text;
  end if;
end
$$;

create table if not exists redistrict_meta.staging (
  id int8 generated always as identity primary key,
  run_id text not null,
  table_name text not null,
  columns text[] not null,
  identity text[] not null,
  unique (run_id, table_name)
);

create table if not exists redistrict_meta.part (
  run_id text not null,
  table_name text not null,
  part int8 not null,
  rows int8 not null,
  primary key (run_id, table_name, part)
);

create table if not exists redistrict_meta.ledger (
  seq int8 generated always as identity primary key,
  run_id text not null,
  table_name text not null,
  part int8 not null,
  operation text not null,
  keys bytea not null,
  after bytea not null,
  before bytea,
  unique (run_id, table_name, part)
);
alter table redistrict_meta.ledger
  alter column keys set storage external,
  alter column after set storage external,
  alter column before set storage external;
