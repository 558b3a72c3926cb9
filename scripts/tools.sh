#!/usr/bin/env bash
# Installs the programs that clipmill uses, on Debian, Ubuntu and macOS (with Homebrew).
#
#   scripts/tools.sh run     what the daemon calls: ffmpeg, yt-dlp, a JavaScript runtime for yt-dlp
#   scripts/tools.sh test    run, and what the tests start: nginx, curl, systemd-analyze, faketime,
#                            Chromium, and the servers: Redis, and DocumentDB unless there is a
#                            MongoDB; guests
#   scripts/tools.sh guests  what the example plugins are built with: clang for WebAssembly, node,
#                            a Rust target; see scripts/guests.sh
#   scripts/tools.sh bench   run, what the benchmarks compare with (wrk, Flask behind gunicorn,
#                            smartcut), the servers, and guests
#
# Only what is missing gets installed, so a second call changes nothing and asks no network.
# Python packages go into .tools/ in this folder; put .tools/bin first in PATH to use them.
set -euo pipefail

# Older releases run commands and leak cookies through crafted pages.
readonly YTDLP_MINIMUM=2026.07.04
readonly DENO_MINIMUM=2.3.0

. "$(dirname "$0")/lib.sh"

# at_least MINIMUM VERSION: compares dotted numbers, leading zeros and missing parts included.
at_least() {
  awk -v minimum="$1" -v version="$2" 'BEGIN {
    split(minimum, m, "."); split(version, v, ".")
    for (i = 1; i <= 4; i++) if (v[i] + 0 != m[i] + 0) exit (v[i] + 0 < m[i] + 0)
  }'
}

# system_packages APT_NAMES -- BREW_NAMES: installs with whichever package manager is here.
system_packages() {
  local apt=() brew=() into=apt word
  for word in "$@"; do
    if [ "$word" = -- ]; then into=brew
    elif [ "$into" = apt ]; then apt+=("$word")
    else brew+=("$word")
    fi
  done
  if has apt-get; then
    say "installing ${apt[*]} (apt-get)"
    [ -n "${apt_updated:-}" ] || twice as_root apt-get update -qq >/dev/null
    apt_updated=yes
    without_services twice as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${apt[@]}" >/dev/null
  elif has brew; then
    say "installing ${brew[*]} (brew)"
    twice brew install --quiet "${brew[@]}" >/dev/null
  else
    die "neither apt-get nor brew is here; install by hand: ${apt[*]}"
  fi
}

# Tests start servers of their own, on free ports: a package that is installed for them must not
# begin to listen on this machine.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e "$policy" ]; then "$@"; return; fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  "$@" || status=$?
  as_root rm -f "$policy"
  return "$status"
}

# The first Python that is new enough for yt-dlp; version managers leave shims that don't run.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 \
    /usr/bin/python3 /opt/homebrew/bin/python3 /usr/local/bin/python3; do
    if has "$candidate" && "$candidate" -c \
      'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

# python_packages VENV REQUIREMENT...: makes the virtual environment where there is none.
python_packages() {
  local venv=$1 python
  shift
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! python=$(find_python); then
      system_packages python3 python3-venv -- python
      python=$(find_python) || die "Python 3.10 or newer with its venv module is needed"
    fi
    "$python" -m venv --clear "$venv"
  fi
  say "installing $* (pip)"
  twice "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$@"
}

need() { # need PROGRAM APT_NAME BREW_NAME
  has "$1" || system_packages "$2" -- "$3"
  has "$1" || die "$1 is still missing after installing $2"
}

ytdlp_is_good() {
  local version
  version=$("$tools/bin/yt-dlp" --version 2>/dev/null) && at_least "$YTDLP_MINIMUM" "$version"
}

deno_is_good() {
  local version
  version=$("$tools/bin/deno" --version 2>/dev/null | awk 'NR == 1 { print $2 }')
  [ -n "$version" ] && at_least "$DENO_MINIMUM" "$version"
}

run_set() {
  need ffmpeg ffmpeg ffmpeg
  need ffprobe ffmpeg ffmpeg
  if ! ytdlp_is_good || ! deno_is_good; then
    mkdir -p "$tools/bin"
    python_packages "$tools/venv" "yt-dlp[default]>=$YTDLP_MINIMUM" "deno>=$DENO_MINIMUM"
    ln -sf ../venv/bin/yt-dlp ../venv/bin/deno "$tools/bin/"
    ytdlp_is_good || die "yt-dlp $YTDLP_MINIMUM or newer does not start from $tools/bin"
    deno_is_good || die "deno $DENO_MINIMUM or newer does not start from $tools/bin"
  fi
}

test_set() {
  run_set
  need nginx nginx nginx
  need curl curl curl
  need openssl openssl openssl
  # The unit is for Linux, and so are the tests of it, those of wrong clocks, and the browser's.
  if has apt-get; then
    need systemd-analyze systemd systemd
    need faketime faketime libfaketime
    has chromium-browser || has google-chrome || need chromium chromium chromium
  fi
  server_set
  guests_set
}

guests_set() {
  if [ -z "$("$root/scripts/guests.sh" clang)" ]; then
    local version
    version=$(wasm_clang)
    system_packages "clang-$version" "lld-$version" "libclang-rt-$version-dev-wasm32" wasi-libc \
      -- llvm lld wasi-libc wasi-runtimes
    [ -n "$("$root/scripts/guests.sh" clang)" ] ||
      die "no clang here builds for wasm32-wasi; install wasi-sdk and set WASI_SDK_PATH"
  fi
  need node nodejs node
  need npm npm node
  "$root/scripts/guests.sh" install
}

# The version of a clang of which apt-get has the parts for WebAssembly. Where nothing is known, as
# before the first update, apt-get says what is wrong with it.
wasm_clang() {
  local version
  for version in 19 20 21 22 18 17 16; do
    if [ -n "$(apt-cache policy "libclang-rt-$version-dev-wasm32" 2>/dev/null)" ]; then
      printf '%s\n' "$version"
      return
    fi
  done
  printf '19\n'
}

# What scripts/servers.sh starts: nothing for a server that the environment names.
server_set() {
  if [ -z "${CLIPMILL_TEST_REDIS_URI:-}" ]; then need redis-server redis-server redis; fi
  if [ -z "${CLIPMILL_TEST_MONGODB_URI:-}" ] && ! has mongod; then
    "$root/scripts/documentdb.sh" install
  fi
}

bench_set() {
  run_set
  need wrk wrk wrk
  if ! "$tools/bench-venv/bin/python" -c 'import flask, gunicorn, jwt, smartcut' >/dev/null 2>&1; then
    mkdir -p "$tools"
    python_packages "$tools/bench-venv" flask gunicorn pyjwt smartcut
  fi
  server_set
  guests_set
}

case "${1:-}" in
  run) run_set ;;
  test) test_set ;;
  guests) guests_set ;;
  bench) bench_set ;;
  *) die "usage: scripts/tools.sh run|test|guests|bench" ;;
esac
