-- Settings of a session on CERT; those the server does not know are left out.
select pg_catalog.set_config(wanted.name, wanted.setting, false)
from (values
  ('row_security', 'off'),
  ('search_path', 'pg_catalog'),
  ('DateStyle', 'ISO, YMD'),
  ('TimeZone', 'UTC'),
  ('IntervalStyle', 'postgres'),
  ('extra_float_digits', '3'),
  ('bytea_output', 'hex'),
  ('lc_monetary', 'C'),
  ('xmloption', 'content'),
  ('array_nulls', 'on'),
  ('quote_all_identifiers', 'off'),
  ('timezone_abbreviations', 'Default'),
  ('transform_null_equals', 'off'),
  ('client_encoding', 'UTF8'),
  ('standard_conforming_strings', 'on'),
  ('statement_timeout', '30min'),
  ('lock_timeout', '10s'),
  ('idle_in_transaction_session_timeout', '30min'),
  ('client_connection_check_interval', '1s'),
  -- A host that is gone is noticed within two minutes, also between statements.
  ('tcp_keepalives_idle', '60'),
  ('tcp_keepalives_interval', '10'),
  ('tcp_keepalives_count', '6'),
  ('jit', 'off')
) as wanted (name, setting)
join pg_catalog.pg_settings as known on known.name = wanted.name
where wanted.name <> 'client_connection_check_interval' or pg_catalog.version() like '%linux%'
