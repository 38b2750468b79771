create table clubs (
  id integer primary key,
  title text not null,
  head_id integer not null
);
create table members (
  id integer primary key,
  club_id integer not null references clubs (id),
  student_id bigint not null,
  joined date not null
);
alter table clubs add foreign key (head_id) references members (id);
create table meetings (
  id bigint generated always as identity primary key,
  club_id integer not null references clubs (id),
  held date not null,
  day integer generated always as (extract(day from held)::integer) stored
);
-- in PROD
with new as (
  insert into clubs values (21, 'Chess', 211), (22, 'Choir', 221), (31, 'Chess', 311)
)
insert into members values
  (211, 21, 201, '2024-09-01'), (212, 21, 202, '2024-09-02'), (213, 21, 203, '2024-09-03'),
  (221, 22, 204, '2024-09-04'), (222, 22, 205, '2024-09-05'), (311, 31, 301, '2024-09-06');
insert into meetings (id, club_id, held) overriding system value values
  (1, 21, '2024-10-01'), (2, 21, '2024-10-08'), (3, 22, '2024-10-15'), (4, 31, '2024-10-16');
-- in CERT
with new as (
  insert into clubs values (31, 'Of a neighbour', 311), (90, 'By hand', 901)
)
insert into members values (311, 31, 301, '2024-01-01'), (901, 90, 901, '2024-01-02');
insert into meetings (id, club_id, held) overriding system value values (4, 31, '2024-01-03'), (90, 90, '2024-01-04');
