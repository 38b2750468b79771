do $$
declare kept oid[]; before int; names text;
begin
  -- the organisations: the base table, what is one (identity), and their details (cascading parts of the key)
  kept := array['edfi.educationorganization'::regclass::oid];
  loop
    before := cardinality(kept);
    select kept || coalesce(array_agg(distinct c.conrelid), '{}') into kept
      from pg_constraint c join pg_constraint k on k.conrelid = c.conrelid and k.contype = 'p'
     where c.contype = 'f' and c.confrelid = any(kept) and c.conrelid <> all(kept)
       and c.conkey <@ k.conkey and c.confdeltype = 'c';
    exit when cardinality(kept) = before;
  end loop;
  -- and all that they refer to
  loop
    before := cardinality(kept);
    select kept || coalesce(array_agg(distinct c.confrelid), '{}') into kept
      from pg_constraint c where c.contype = 'f' and c.conrelid = any(kept) and c.confrelid <> all(kept);
    exit when cardinality(kept) = before;
  end loop;
  select string_agg(c.oid::regclass::text, ', ') into names from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'r' and n.nspname not in ('pg_catalog','information_schema') and c.oid <> all(kept)
     and n.nspname not in ('auth', 'interop') and c.relname not in ('schoolyeartype');
  execute 'truncate ' || names;
end $$;
