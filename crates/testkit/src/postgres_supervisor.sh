# Makes a cluster, starts it, says "ready DIRECTORY", and waits for the end of its standard input,
# which is the end of the test process, however it ended. Then stops the server and removes all.
# Arguments: the directory of PostgreSQL's binaries, the port. Never runs as root.
binaries=$1
port=$2
trap '' INT HUP TERM
directory=$(mktemp -d "${TMPDIR:-/tmp}/redistrict-pg-XXXXXX") || exit 1
leave() {
    "$binaries/pg_ctl" stop -D "$directory/data" -m immediate -w >/dev/null 2>&1
    rm -rf "$directory"
}
fail() {
    cat "$directory/initdb.log" "$directory/server.log" 2>/dev/null
    leave
    exit 1
}
printf 'postgres\n' >"$directory/password"
"$binaries/initdb" -D "$directory/data" -U postgres -E UTF8 --locale=C --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile="$directory/password" \
    >"$directory/initdb.log" 2>&1 </dev/null || fail
cat >>"$directory/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$directory'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
max_prepared_transactions = 20
shared_buffers = 64MB
log_min_messages = warning
timezone = 'Asia/Kolkata'
datestyle = 'sql, dmy'
CONF
"$binaries/pg_ctl" start -D "$directory/data" -l "$directory/server.log" -w -t 60 \
    >/dev/null 2>&1 </dev/null || fail
chmod 755 "$directory"
printf 'ready %s\n' "$directory"
cat >/dev/null
leave
