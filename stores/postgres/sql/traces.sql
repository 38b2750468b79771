-- Who has the lease, how long ago it was heard of by this server's clock, and whose rows are staged.
select
  lease.run_id,
  extract(epoch from clock_timestamp() - heartbeat.at)::float8 as quiet_seconds,
  array(select distinct staging.run_id from redistrict_meta.staging order by 1) as staged
from redistrict_meta.lease
left join redistrict_meta.heartbeat on true
