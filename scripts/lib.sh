# What the scripts in this folder share. To be sourced, after `set -euo pipefail`.
#
# Sets `root`, the folder of the checkout, and `tools`, where downloaded programs go.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }
has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif has sudo; then sudo "$@"
  else die "this needs root and there is no sudo; run as root: $*"
  fi
}

# For downloads: the second attempt is the last one.
twice() {
  "$@" || { say "failed, trying once more: $*"; sleep 3; "$@"; }
}

# within SECONDS CONDITION...: waits until the condition holds.
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# In a process group of its own, so that Ctrl-C does not reach it before it reaches the script.
in_background() {
  set -m
  "$@" &
  set +m
}

# settled PID CONDITION...: the process has ended, or the condition holds.
settled() {
  local pid=$1
  shift
  is_gone "$pid" || "$@"
}

# Gone, or only its exit status is left for a parent that doesn't ask.
is_gone() {
  ! kill -0 "$1" 2>/dev/null || grep -qs '^State:.*zombie' "/proc/$1/status"
}

# end PID: asks a process to stop, and makes it stop after ten seconds.
end() {
  kill -TERM "$1" 2>/dev/null || return 0
  within 10 is_gone "$1" || kill -KILL "$1" 2>/dev/null || true
}
