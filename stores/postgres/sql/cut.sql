-- Exports the snapshot of the open transaction.
select pg_export_snapshot() as snapshot,
  to_char(transaction_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
