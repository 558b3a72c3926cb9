#!/usr/bin/env bash
# DocumentDB for the tests: an open-source database that understands MongoDB's commands, as an
# extension of PostgreSQL. Our gateway (tests/documentdb) stands in front of it and speaks
# MongoDB's wire protocol.
#
#   scripts/documentdb.sh install               puts it into .tools/documentdb, unless it is there
#   scripts/documentdb.sh describe              prints what is installed
#   scripts/documentdb.sh start DIR GATEWAY     an empty database; prints its URI
#   scripts/documentdb.sh stop DIR              ends what was started with DIR and removes the data
#
# DIR is a folder of the caller. DIR/run/socket holds PostgreSQL's socket, DIR/gateway.log and
# DIR/run/postgres.log what the two programs said.
#
# It comes from Debian testing and gets a root folder of its own, in which the programs run after a
# chroot. That needs root or sudo; the system around it does not change.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

readonly SUITE=forky POSTGRES=18
# Change this when the recipe changes; what was installed by another one is replaced.
readonly RECIPE=1
readonly INSTEAD="install mongod, or set CLIPMILL_TEST_MONGODB_URI to a server for the tests"

home=$tools/documentdb
inside=$home/root
bin=/usr/lib/postgresql/$POSTGRES/bin

# PostgreSQL refuses to run as root.
if [ "$(id -u)" -eq 0 ]; then user=5432 group=5432; else user=$(id -u) group=$(id -g); fi

# Everything that runs inside runs as that user, and does not keep the lock of an installation.
within_root() { as_root chroot --userspec="$user:$group" "$inside" "$@" 9>&-; }

is_installed() { [ "$(head -1 "$home/installed" 2>/dev/null)" = "recipe $RECIPE" ]; }

install() {
  if is_installed; then return; fi
  mkdir -p "$tools"
  # Another `make test` may be at it.
  exec 9>"$tools/documentdb.lock"
  flock 9
  if is_installed; then return; fi
  has apt-get || die "DocumentDB is only installed on Debian; $INSTEAD"
  [ "$(id -u)" -eq 0 ] || has sudo || die "DocumentDB needs root or sudo; $INSTEAD"
  say "installing DocumentDB into ${home#"$root"/}"
  if [ -e "$home" ]; then as_root rm -rf "$home"; fi
  download
  unpack
  make_template
  printf 'recipe %s\n%s\n' "$RECIPE" "$description" > "$home/installed"
}

# Lets apt choose and fetch the packages with a state of its own, as if nothing were installed.
download() {
  local keys mirror apt=$home/apt
  for keys in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg} none; do
    if [ -e "$keys" ]; then break; fi
  done
  [ "$keys" != none ] || die "the package debian-archive-keyring is missing; $INSTEAD"
  mirror=$(debian_mirror)
  if [ -z "$mirror" ]; then
    twice as_root apt-get update -qq >/dev/null
    mirror=$(debian_mirror)
  fi
  [ -n "$mirror" ] || die "this system's apt knows no Debian archive; $INSTEAD"
  mkdir -p "$apt"/{lists,archives}/partial "$apt/state"
  : > "$apt/status"
  echo "deb [signed-by=$keys] $mirror $SUITE main" > "$apt/sources.list"
  twice private_apt update >/dev/null
  twice private_apt install -y --download-only \
    "postgresql-$POSTGRES-documentdb" coreutils dash libc-bin >/dev/null
}

# The first archive that this system itself uses.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | awk 'NR == 1'
}

private_apt() {
  local apt=$home/apt
  apt-get -qq \
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$apt/state" -o Dir::State::lists="$apt/lists" \
    -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" \
    -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Languages=none -o Debug::NoLocking=true "$@"
}

# Unpacks without running the packages' scripts, and does by hand what they would do.
unpack() {
  local package name
  mkdir -p "$inside"/usr/{bin,sbin,lib,lib64} "$inside"/{dev/shm,etc,proc,run,runs,tmp}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$inside/$name"; done
  for package in "$home"/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$inside" --no-same-owner \
      --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
      --exclude='./usr/share/locale/*' --exclude='*/bitcode/*'
  done
  rm -r "$home/apt"
  ln -s postgis-3.control "$inside/usr/share/postgresql/$POSTGRES/extension/postgis.control"
  echo "postgres:x:$user:$group::/tmp:/bin/sh" > "$inside/etc/passwd"
  echo "postgres:x:$group:" > "$inside/etc/group"
  chmod 1777 "$inside/tmp" "$inside/dev/shm"
  as_root mknod -m 666 "$inside/dev/null" c 1 3
  as_root mknod -m 666 "$inside/dev/urandom" c 1 9
  as_root chroot "$inside" /sbin/ldconfig
}

# A database with the extension in it, which every start copies.
make_template() {
  local run=template
  make_run "$run"
  within_root "$bin/initdb" -D "/runs/$run/data" -U postgres --auth=trust \
    --locale=C.UTF-8 --encoding=UTF8 --wal-segsize=4 --no-sync >/dev/null
  start_postgres "$run"
  # Expired documents go every five seconds instead of every minute, so that tests need not wait.
  # The gateway builds indexes at once, so that the jobs for it are only in the way.
  query "$run" "
    SET client_min_messages = warning;
    CREATE EXTENSION documentdb CASCADE;
    SELECT cron.schedule(jobname, '5 seconds', command) FROM cron.job WHERE jobname ~ 'ttl';
    SELECT cron.unschedule(jobname) FROM cron.job WHERE jobname ~ 'index_build';
  " >/dev/null
  description="DocumentDB $(query "$run" 'SELECT documentdb_api.binary_version()')"
  description+=" on PostgreSQL $(query "$run" 'SHOW server_version' | cut -d' ' -f1)"
  stop_postgres "$run" fast
}

make_run() {
  as_root mkdir -m 755 "$inside/runs/$1"
  as_root mkdir -m 755 "$inside/runs/$1/socket"
  as_root chown -R "$user:$group" "$inside/runs/$1"
}

start_postgres() {
  local socket=/runs/$1/socket setting options=
  # Nothing here has to survive a crash. Short waits for deadlocks, because the gateway repeats
  # what ran into one. Frequent cleaning, because a queue leaves many dead rows, and its index
  # would soon consist of them. Cursors may idle as long as the gateway keeps them.
  for setting in \
    listen_addresses= unix_socket_directories="$socket" max_connections=200 \
    shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb \
    documentdb.localhost_connection_string="host=$socket" \
    cron.database_name=postgres cron.use_background_workers=on \
    cron.log_run=off cron.log_statement=off \
    documentdb.defaultCursorExpiryTimeLimitSeconds=600 \
    autovacuum_naptime=2s autovacuum_vacuum_cost_delay=0 deadlock_timeout=20ms \
    fsync=off full_page_writes=off synchronous_commit=off jit=off
  do options+=" -c $setting"
  done
  within_root "$bin/pg_ctl" start -w -t 60 -s -D "/runs/$1/data" -l "/runs/$1/postgres.log" \
    -o "$options" || { tail -5 "$inside/runs/$1/postgres.log" >&2; die "PostgreSQL does not start"; }
}

stop_postgres() {
  within_root "$bin/pg_ctl" stop -w -t 30 -s -m "$2" -D "/runs/$1/data"
}

query() {
  within_root "$bin/psql" -qAt -v ON_ERROR_STOP=1 -h "/runs/$1/socket" -U postgres -c "$2"
}

# start DIR GATEWAY
start() {
  local dir=$1 gateway=$2 run
  is_installed || die "not installed: scripts/documentdb.sh install"
  [ -x "$gateway" ] || die "no program: $gateway"
  run=$(basename "$(mktemp -u "$inside/runs/XXXXXXXX")")
  make_run "$run"
  # PostgreSQL sees short paths inside of its root, the gateway through this link: a socket's path
  # must not be longer than about 100 characters.
  ln -s "$inside/runs/$run" "$dir/run"
  as_root cp -a "$inside/runs/template/data" "$inside/runs/$run/data"
  start_postgres "$run"
  in_background "$gateway" --postgres "$dir/run/socket" \
    >"$dir/gateway.out" 2>"$dir/gateway.log" </dev/null
  echo "$!" > "$dir/gateway.pid"
  within 60 settled "$!" grep -qs '^listening on ' "$dir/gateway.out" || true
  sed -n 's|^listening on |mongodb://|p' "$dir/gateway.out" | grep . ||
    { cat "$dir/gateway.log" >&2; die "the gateway does not start"; }
}

# stop DIR
stop() {
  local dir=$1 run
  if [ -e "$dir/gateway.pid" ]; then end "$(cat "$dir/gateway.pid")"; fi
  [ -L "$dir/run" ] || return 0
  run=$(basename "$(readlink "$dir/run")")
  if [ -e "$dir/run/data/postmaster.pid" ]; then stop_postgres "$run" immediate || true; fi
  as_root rm -rf "$inside/runs/$run"
  rm -f "$dir"/run "$dir"/gateway.*
}

case "${1:-} $#" in
  "install 1") install ;;
  "describe 1") is_installed || die "not installed"; tail -1 "$home/installed" ;;
  "start 3") start "$2" "$3" ;;
  "stop 2") stop "$2" ;;
  *) die "usage: scripts/documentdb.sh install | describe | start DIR GATEWAY | stop DIR" ;;
esac
