-- Settings of a session that reads PROD; those the server does not know are left out.
select pg_catalog.set_config(wanted.name, wanted.setting, false)
from (values
  ('default_transaction_read_only', 'on'),
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
  ('jit', 'off'),
  ('max_parallel_workers_per_gather', '0'),
  ('restrict_nonsystem_relation_kind', 'view, foreign-table')
) as wanted (name, setting)
join pg_catalog.pg_settings as known on known.name = wanted.name
