# Makes a cluster, starts it, says "ready DIRECTORY", and serves its standard input: "kill" ends all of the
# server at once (SIGKILL) and answers "killed", "start" starts it again and answers "ready DIRECTORY". The
# end of the input is the end of the test process, however it ended: then the server is stopped and all removed.
# Arguments: the directory of PostgreSQL's binaries, the port; for a hot standby the directory of the primary's
# socket and its port. Never runs as root.
binaries=$1
port=$2
primary=$3
primary_port=$4
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
if [ -z "$primary" ]; then
    printf 'postgres\n' >"$directory/password"
    "$binaries/initdb" -D "$directory/data" -U postgres -E UTF8 --locale=C --no-sync \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile="$directory/password" \
        >"$directory/initdb.log" 2>&1 </dev/null || fail
else
    # Where the binaries are links, it stands beside what they lead to.
    basebackup=$(dirname "$(readlink -f "$binaries/initdb")")/pg_basebackup
    "$basebackup" -D "$directory/data" -h "$primary" -p "$primary_port" -U postgres \
        -R -X stream -c fast --no-sync >"$directory/initdb.log" 2>&1 </dev/null || fail
fi
cat >>"$directory/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$directory'
fsync = off
full_page_writes = off
max_connections = 200
max_prepared_transactions = 200
shared_buffers = 64MB
log_min_messages = warning
timezone = 'Asia/Kolkata'
datestyle = 'sql, dmy'
CONF
if [ -n "$primary" ]; then
    # What the primary has to clean up does not wait for us.
    cat >>"$directory/data/postgresql.conf" <<CONF
hot_standby_feedback = off
max_standby_streaming_delay = 0
CONF
fi
begin() {
    "$binaries/pg_ctl" start -D "$directory/data" -l "$directory/server.log" -w -t 60 \
        >/dev/null 2>&1 </dev/null
}
# The processes that run in the data directory, the first of which is the server's own.
processes() {
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/cwd" 2>/dev/null)" = "$directory/data" ]; then
            echo "${process#/proc/}"
        fi
    done
}
end() {
    while all=$(processes); [ -n "$all" ]; do
        # shellcheck disable=SC2086  # several numbers
        kill -9 $all 2>/dev/null
        sleep 0.05
    done
}
begin || fail
chmod 755 "$directory"
printf 'ready %s\n' "$directory"
while read -r order; do
    case $order in
        kill)
            end
            # A killed process that nobody has collected yet still looks alive to these locks.
            rm -f "$directory/data/postmaster.pid" "$directory"/.s.PGSQL.*
            echo killed
            ;;
        start)
            if begin; then printf 'ready %s\n' "$directory"; else
                tail -n 40 "$directory/server.log"
                echo failed
            fi
            ;;
    esac
done
leave
