-- What the entries of the table of types need. Runs as a superuser, once per database.
create extension if not exists citext;
create extension if not exists hstore;
create extension if not exists ltree;
create extension if not exists cube;
create extension if not exists seg;
create extension if not exists isn;
create extension if not exists intarray;
create type mood as enum ('so ''so', 'ä"', '', 'a,b{}', 'NULL');
create domain short_name as varchar(5);
create domain small_number as int4 check (value > -10);
create domain money_like as numeric(5,2);
create domain nested_money as money_like check (value <> 13) check (value is distinct from 14);
create domain checked_mood as mood check (value <> '');
create domain int_list as int4[] check (cardinality(value) < 100);
create type pair as (a int4, gone text, b text, c numeric(6,2), d mood, e text[], f timestamptz, g char(3));
alter type pair drop attribute gone;
create type nested_pair as (p pair, ps pair[], x xml, j json);
create domain checked_pair as pair check ((value).a is distinct from 13);
create type float_range as range (subtype = float8, subtype_diff = float8mi);
create type text_range as range (subtype = text, collation = "C");
create table row_like (id int4, v text);
-- Casts of people who wanted a label; values must not be read or written by them.
create function mood_label(mood) returns text language sql immutable as $$ select 'label' $$;
create cast (mood as text) with function mood_label(mood) as assignment;
create function mood_of_label(text) returns mood language sql immutable as $$ select ''::mood $$;
create cast (text as mood) with function mood_of_label(text) as assignment;
create function pair_label(pair) returns text language sql immutable as $$ select 'label' $$;
create cast (pair as text) with function pair_label(pair);
