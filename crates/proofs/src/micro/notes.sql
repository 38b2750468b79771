create table letters (id integer primary key, student_id integer not null, body text not null);
create table replies (
  id integer primary key,
  letter_id integer not null references letters (id),
  body text not null
);
-- in PROD
insert into letters values
  (21, 201, 'Ann Zyzzyvak is late'), (22, 202, 'Bob Zyzzyvak is well'), (23, 204, 'Dan Zyzzyvak sings'),
  (31, 301, 'Fay Zyzzyvak reads');
insert into replies values
  (211, 21, 'Ann Zyzzyvak was ill'), (212, 21, 'all is well'), (231, 23, 'so we heard'), (311, 31, 'good');
-- in CERT
insert into letters values (31, 301, 'of a neighbour'), (90, 901, 'by hand');
insert into replies values (311, 31, 'of a neighbour'), (901, 90, 'by hand');
