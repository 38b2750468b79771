-- The places for prepared transactions, and how many of them are taken, in all databases of the server.
select
  current_setting('max_prepared_transactions')::int4 as places,
  (select count(*) from pg_prepared_xacts)::int4 as taken,
  (select system_identifier::text from pg_control_system()) as server
