#!/usr/bin/env bash
# Starts one Neo4j Community server on 127.0.0.1, waits until Bolt answers, prints its pid on stdout.
# Usage: [NEO4J_HOME=DIR] start.sh PORT DATADIR PASSWORD
#   NEO4J_HOME is the directory that fetch.sh filled, ~/.cache/neo4j-5.26 if it is not set.
#   DATADIR is made if missing and holds everything of this server: conf, data, logs, neo4j.pid.
#   PASSWORD is that of the user neo4j; it is set only when DATADIR is new (8 characters or more).
# Optional environment:
#   NEO4J_HEAP=512m NEO4J_PAGECACHE=64m    memory
#   NEO4J_TLS=DISABLED|OPTIONAL|REQUIRED   Bolt over TLS with a self-signed certificate for localhost,
#                                          made in DATADIR/certificates/bolt unless one is there
#   NEO4J_CONF_EXTRA=FILE                  more neo4j.conf lines, taken in last
#   NEO4J_JAVA_OPTS="..."                  more JVM options
#   NEO4J_START_TIMEOUT=120                seconds to wait
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
: "${NEO4J_HOME:=$HOME/.cache/neo4j-5.26}"
port=$1 datadir=$2 password=$3
heap=${NEO4J_HEAP:-512m} pagecache=${NEO4J_PAGECACHE:-64m}
tls=${NEO4J_TLS:-DISABLED} timeout=${NEO4J_START_TIMEOUT:-120}
lib=$(cd "$NEO4J_HOME/lib" && pwd)
java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java

# Running, and not a zombie that its parent has yet to collect.
alive() { [ -r "/proc/$1/status" ] && ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null; }
is_neo4j() { alive "$1" && tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -q CommunityEntryPoint; }

# A Bolt handshake: the magic number, four proposals (5.0-5.4, 4.2-4.4), and 4 bytes of answer.
hello='\x60\x60\xb0\x17\x00\x04\x04\x05\x00\x02\x04\x04\x00\x00\x00\x00\x00\x00\x00\x00'
bolt_answers() {
  local reply
  if [ "$tls" = REQUIRED ]; then
    reply=$( { printf "$hello"; sleep 0.5; } | timeout 5 openssl s_client -quiet -no_ign_eof \
      -connect "127.0.0.1:$port" 2>/dev/null | head -c 4 | od -An -tx1 ) || return 1
  else
    reply=$( { exec 3<>"/dev/tcp/127.0.0.1/$port" && printf "$hello" >&3 &&
      timeout 5 head -c 4 <&3 | od -An -tx1; } 2>/dev/null ) || return 1
  fi
  [ -n "$reply" ]
}

mkdir -p "$datadir"
datadir=$(cd "$datadir" && pwd)
pidfile=$datadir/neo4j.pid log=$datadir/logs/console.log
if [ -s "$pidfile" ] && is_neo4j "$(cat "$pidfile")"; then
  if bolt_answers; then cat "$pidfile"; exit 0; fi
  echo "pid $(cat "$pidfile") runs on $datadir but port $port does not answer" >&2; exit 1
fi
if bolt_answers; then echo "port $port is taken by another server" >&2; exit 1; fi
mkdir -p "$datadir"/{conf,data,logs,plugins,import,run}

cat > "$datadir/conf/neo4j.conf" <<CONF
server.default_listen_address=127.0.0.1
server.default_advertised_address=localhost
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:$port
server.bolt.advertised_address=localhost:$port
server.bolt.tls_level=$tls
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=$pagecache
dbms.usage_report.enabled=false
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
internal.dbms.bolt.netty_server_shutdown_timeout=1
db.tx_log.preallocate=false
server.config.strict_validation.enabled=true
CONF
if [ "$tls" != DISABLED ]; then
  certs=$datadir/certificates/bolt
  mkdir -p "$certs/trusted" "$certs/revoked"
  if [ ! -e "$certs/private.key" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
      -keyout "$certs/private.key" -out "$certs/public.crt" 2>/dev/null
  fi
  cat >> "$datadir/conf/neo4j.conf" <<CONF
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.base_directory=$certs
dbms.ssl.policy.bolt.private_key=private.key
dbms.ssl.policy.bolt.public_certificate=public.crt
dbms.ssl.policy.bolt.client_auth=NONE
CONF
fi
[ -z "${NEO4J_CONF_EXTRA:-}" ] || cat "$NEO4J_CONF_EXTRA" >> "$datadir/conf/neo4j.conf"

if [ ! -e "$datadir/data/databases/system" ]; then
  # stands for `neo4j-admin dbms set-initial-password`; must come before the first start
  NEO4J_HOME=$datadir NEO4J_CONF=$datadir/conf "$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m \
    -cp "$lib/*" org.neo4j.cli.AdminTool dbms set-initial-password "$password" >"$datadir/logs/password.log" 2>&1 ||
    { cat "$datadir/logs/password.log" >&2; exit 1; }
fi

# shellcheck disable=SC2086  # NEO4J_JAVA_OPTS holds several options
setsid nohup "$java" -Xms"$heap" -Xmx"$heap" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
  -XX:-OmitStackTraceInFastThrow -XX:+DisableExplicitGC \
  -Dfile.encoding=UTF-8 -Dlog4j2.disable.jmx=true -Djdk.nio.maxCachedBufferSize=1024 \
  -Dio.netty.tryReflectionSetAccessible=true \
  --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
  --add-opens=java.base/sun.nio.ch=ALL-UNNAMED ${NEO4J_JAVA_OPTS:-} \
  -cp "$datadir/plugins/*:$lib/*" org.neo4j.server.CommunityEntryPoint \
  --home-dir="$datadir" --config-dir="$datadir/conf" >"$log" 2>&1 </dev/null &
pid=$!
echo "$pid" > "$pidfile"
end=$((SECONDS + timeout))
until bolt_answers; do
  if ! alive "$pid"; then
    echo "the server ended; the end of its logs:" >&2; tail -n 20 "$log" "$datadir/logs/neo4j.log" >&2; rm -f "$pidfile"; exit 1
  fi
  if [ $SECONDS -ge $end ]; then
    echo "no answer on port $port within $timeout s; see $datadir/logs" >&2; kill "$pid"; rm -f "$pidfile"; exit 1
  fi
  sleep 0.2
done
echo "$pid"
