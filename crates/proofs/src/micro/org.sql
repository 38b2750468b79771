create table districts (id integer primary key, name text not null);
create table kinds (code text primary key, title text not null);
create table schools (
  id integer primary key,
  district_id integer not null references districts (id),
  kind text not null references kinds (code),
  name text not null
);
-- in PROD
insert into districts values (2, 'Second'), (3, 'Third');
insert into kinds values ('P', 'primary'), ('S', 'secondary'), ('X', 'not used');
insert into schools values (21, 2, 'P', 'Upper School'), (22, 2, 'S', 'Lower School'), (31, 3, 'P', 'Other School');
-- in CERT
insert into districts values (2, 'Second'), (3, 'Third'), (90, 'Made by hand');
insert into kinds values ('P', 'primary'), ('H', 'made by hand');
insert into schools values
  (21, 2, 'P', 'As it was called before'), (31, 3, 'P', 'A neighbour'), (90, 90, 'H', 'Made by hand');
