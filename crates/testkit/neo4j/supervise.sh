#!/usr/bin/env bash
# Starts a server in a new directory, says "ready DIRECTORY PID", and serves its standard input: "kill" ends the
# server at once (as a lost machine would) and answers "killed", "start" starts it again on the same data and
# answers "ready DIRECTORY PID". The end of the input is the end of the test process, however it ended: then the
# server is stopped and the directory removed. What goes wrong is said instead of "ready".
# Arguments: the text of start.sh, the directory of the jars, the port, the password, more settings.
start=$1 jars=$2 port=$3 password=$4 settings=$5
trap '' INT HUP TERM
directory=$(mktemp -d "${TMPDIR:-/tmp}/redistrict-neo4j-XXXXXX") || exit 1
printf '%s\n' "$settings" >"$directory/settings.conf"
pid=
end() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    while [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q CommunityEntryPoint; do
        sleep 0.05
    done
    pid=
}
begin() {
    if pid=$(NEO4J_HOME=$jars NEO4J_CONF_EXTRA=$directory/settings.conf bash -c "$start" start.sh \
        "$port" "$directory" "$password" 2>"$directory/start.log" </dev/null); then
        printf 'ready %s %s\n' "$directory" "$pid"
    else
        tail -n 40 "$directory/start.log"
        pid=$(cat "$directory/neo4j.pid" 2>/dev/null)
        return 1
    fi
}
begin || { end; rm -rf "$directory"; exit 1; }
while read -r command; do
    case $command in
        kill) end; rm -f "$directory/neo4j.pid"; echo killed ;;
        start) begin || echo failed ;;
    esac
done
end
rm -rf "$directory"
