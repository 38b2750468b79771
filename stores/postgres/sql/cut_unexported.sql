-- Names the snapshot of the open transaction where it cannot be exported.
select pg_current_snapshot()::text as snapshot,
  to_char(transaction_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
