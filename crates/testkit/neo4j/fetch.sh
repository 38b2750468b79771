#!/usr/bin/env bash
# Fills $NEO4J_HOME/lib with the jars of a Neo4j Community server, through Maven.
# Usage: [NEO4J_HOME=DIR] fetch.sh          Running it again does nothing when the jars are there.
#   NEO4J_HOME             the directory of the server, ~/.cache/neo4j-5.26 if it is not set
#   NEO4J_VERSION=5.26.x   another version than the one in pom.xml
#   MVN="mvn -s FILE"      another Maven command
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${NEO4J_HOME:=$HOME/.cache/neo4j-5.26}"
version=${NEO4J_VERSION:-$(sed -n 's:.*<neo4j.version>\(.*\)</neo4j.version>.*:\1:p' "$here/pom.xml")}
stamp=$NEO4J_HOME/.complete-$version
if [ -e "$stamp" ]; then
  echo "neo4j $version is already in $NEO4J_HOME" >&2
  exit 0
fi
mkdir -p "$NEO4J_HOME"
NEO4J_HOME=$(cd "$NEO4J_HOME" && pwd)
stamp=$NEO4J_HOME/.complete-$version
# Two callers at once: the second waits, then finds the stamp.
exec 9>"$NEO4J_HOME/.lock"
flock 9
[ -e "$stamp" ] && exit 0
rm -rf "$NEO4J_HOME/lib" "$NEO4J_HOME/lib.part" "$NEO4J_HOME"/.complete-*
# shellcheck disable=SC2086  # MVN may hold options
${MVN:-mvn} -B -q -f "$here/pom.xml" -Dneo4j.version="$version" \
  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
  -DincludeScope=runtime -DexcludeTypes=pom -DoutputDirectory="$NEO4J_HOME/lib.part" >&2
ls "$NEO4J_HOME"/lib.part/neo4j-"$version".jar >/dev/null
mv "$NEO4J_HOME/lib.part" "$NEO4J_HOME/lib"
touch "$stamp"
echo "neo4j $version: $(ls "$NEO4J_HOME/lib" | wc -l) jars, $(du -sm "$NEO4J_HOME/lib" | cut -f1) MB" >&2
