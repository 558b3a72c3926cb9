#!/usr/bin/env bash
# Runs a command with the servers that the tests need, and stops them when it ends.
#
#   scripts/servers.sh COMMAND...
#   scripts/servers.sh             starts them, prints these variables, and waits for Ctrl-C
#
# The command gets
#   CLIPMILL_TEST_MONGODB_URI, CLIPMILL_TEST_REDIS_URI   taken as they are when they are set before
#   CLIPMILL_TEST_SERVERS                                what they are, for people
# and, where DocumentDB stands in for MongoDB, what a test needs for a gateway of its own that it
# can stop or give a password:
#   CLIPMILL_TEST_DOCUMENTDB_GATEWAY   the program
#   CLIPMILL_TEST_DOCUMENTDB_SOCKET    its --postgres
#
# MongoDB is `mongod` where it is installed, otherwise DocumentDB (scripts/documentdb.sh). All
# servers listen on 127.0.0.1, on free ports, with empty data of their own, so that several of
# these can run at the same time.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

dir=$(mktemp -d "${TMPDIR:-/tmp}/clipmill-servers.XXXXXX")
command='' redis='' mongod='' guard=''

clean_up() {
  local job
  trap '' INT TERM HUP
  if [ -n "$guard" ]; then kill -KILL "$guard" 2>/dev/null || true; fi
  # The command with everything that it has left behind, and what was started a moment ago.
  for job in $command $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null || true; done
  if [ -n "$redis" ]; then end "$redis"; fi
  if [ -n "$mongod" ]; then end "$mongod"; fi
  if [ -d "$dir/documentdb" ]; then "$root/scripts/documentdb.sh" stop "$dir/documentdb"; fi
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# A script that is killed can't clean up, so that somebody else does.
guard_against_kill() {
  trap '' INT TERM HUP
  trap - EXIT
  until is_gone "$1"; do sleep 1; done
  clean_up
}

# Below the ports that systems hand out by themselves.
random_port() { echo $((20000 + RANDOM % 12000)); }

start_mongodb() {
  if [ -n "${CLIPMILL_TEST_MONGODB_URI:-}" ]; then
    mongodb="MongoDB from the environment"
  elif has mongod; then
    mkdir "$dir/mongod"
    on_some_port try_mongod
    CLIPMILL_TEST_MONGODB_URI=mongodb://127.0.0.1:$port
    mongodb="MongoDB $(mongod --version | awk 'NR == 1 { print $NF }')"
  else
    start_documentdb
  fi
}

start_documentdb() {
  local gateway=${CLIPMILL_TEST_DOCUMENTDB_GATEWAY:-}
  if [ -z "$gateway" ]; then
    (cd "$root" && cargo build --quiet --package clipmill-documentdb)
    gateway=${CARGO_TARGET_DIR:-$root/target}/debug/documentdb-gateway
  fi
  "$root/scripts/documentdb.sh" install
  mkdir "$dir/documentdb"
  CLIPMILL_TEST_MONGODB_URI=$("$root/scripts/documentdb.sh" start "$dir/documentdb" "$gateway")
  within 60 answers_mongodb "${CLIPMILL_TEST_MONGODB_URI##*:}" || die "DocumentDB does not answer"
  export CLIPMILL_TEST_DOCUMENTDB_GATEWAY=$gateway
  export CLIPMILL_TEST_DOCUMENTDB_SOCKET=$dir/documentdb/run/socket
  mongodb="MongoDB-compatible: $("$root/scripts/documentdb.sh" describe) behind our gateway"
}

start_redis() {
  if [ -n "${CLIPMILL_TEST_REDIS_URI:-}" ]; then
    redis_version="Redis from the environment"
  else
    has redis-server || die "redis-server is missing: scripts/tools.sh test"
    mkdir "$dir/redis"
    on_some_port try_redis
    CLIPMILL_TEST_REDIS_URI=redis://127.0.0.1:$port
    redis_version="Redis $(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')"
  fi
}

# on_some_port TRY: until TRY has started a server on $port.
on_some_port() {
  local attempt
  for attempt in 1 2 3 4 5; do
    port=$(random_port)
    if "$1"; then return; fi
  done
  die "no server after $attempt attempts, the last one said: $(cat "$dir"/*.log | tail -3)"
}

try_redis() {
  in_background redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no \
    --dir "$dir/redis" >"$dir/redis.log" 2>&1 </dev/null
  redis=$!
  within 60 settled "$redis" answers_redis "$port" && ! is_gone "$redis"
}

try_mongod() {
  in_background mongod --bind_ip 127.0.0.1 --port "$port" --dbpath "$dir/mongod" \
    >"$dir/mongod.log" 2>&1 </dev/null
  mongod=$!
  within 60 settled "$mongod" answers_mongodb "$port" && ! is_gone "$mongod"
}

# Ours, and not one that took the port a moment before.
answers_redis() {
  redis-cli -p "$1" info server 2>/dev/null | grep "^process_id:$redis" >/dev/null
}

# Sends {ping: 1, $db: "admin"} as OP_MSG; anything that comes back is an answer to it.
answers_mongodb() {
  {
    printf '\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1e\0\0\0' >&3
    printf '\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0' >&3
    IFS= read -r -t 5 -n 1 -u 3 _
  } 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1"
}

start_mongodb
start_redis
export CLIPMILL_TEST_MONGODB_URI CLIPMILL_TEST_REDIS_URI
export CLIPMILL_TEST_SERVERS="$mongodb; $redis_version"
say "$CLIPMILL_TEST_SERVERS"

if [ $# -eq 0 ]; then
  export -p | sed -n 's/^declare -x \(CLIPMILL_TEST_\)/export \1/p'
  set -- tail -f /dev/null
fi
in_background "$@" </dev/null
command=$!
in_background guard_against_kill $$ >/dev/null 2>&1 </dev/null
guard=$!
# So that nobody reports its end.
disown "$guard"
status=0
wait "$command" || status=$?
exit "$status"
