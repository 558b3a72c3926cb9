#!/usr/bin/env bash
# Builds the example plugins, in Rust, C and JavaScript, into components.
#
#   scripts/guests.sh install           what they are built with, as far as it isn't a system package
#                                       (`scripts/tools.sh guests` installs both)
#   scripts/guests.sh build [NAME...]   all of examples/plugins, or the named ones, into
#                                       .tools/guests/out, or $CLIPMILL_GUESTS_OUT: NAME.wasm and
#                                       NAME.toml. What did not change is not built again.
#   scripts/guests.sh test              their own tests, on this machine itself
#   scripts/guests.sh check             the copies of the interface in plugins/guest are up to date
#   scripts/guests.sh generate          makes them anew; needs the program wit-bindgen
#
# $CLIPMILL is the clipmill program, whose `plugin pack` makes components; without it the debug build
# of this checkout is taken.
#
# Rust comes from `rustup target add wasm32-unknown-unknown`. Where that can't be had, Debian's
# rustc-web takes its place: a compiler with the source of its standard library, which is unpacked
# below .tools/guests and builds the library too. C needs clang, lld and the wasi-libc of Debian or
# Ubuntu, or a wasi-sdk that $WASI_SDK_PATH names. JavaScript needs node and npm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

clipmill=${CLIPMILL:-${CARGO_TARGET_DIR:-$root/target}/debug/clipmill}
home=$tools/guests
out=${CLIPMILL_GUESTS_OUT:-$home/out}
examples=$root/examples/plugins
guest=$root/plugins/guest
wit=$root/plugins/wit/0.1.0

readonly TARGET=wasm32-unknown-unknown
# The version of wit-bindgen that made the generated files.
readonly WIT_BINDGEN=0.63

# --- what they are built with ---------------------------------------------------------------------

install() {
  mkdir -p "$home"
  exclusively
  install_rust
  install_npm
}

# Two at the same time would get in each other's way. Where there is no flock, that is how it is.
exclusively() {
  if has flock; then
    exec 9>"$home/lock"
    flock 9
  fi
}

# A standard library for the target comes with the toolchain or from rustup; set
# CLIPMILL_GUESTS_RUST=debian to do without.
has_target() {
  [ "${CLIPMILL_GUESTS_RUST:-}" != debian ] &&
    [ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib" ]
}

has_debian_rust() { [ -x "$home/rustc" ]; }

install_rust() {
  if has_target || has_debian_rust; then return; fi
  if [ "${CLIPMILL_GUESTS_RUST:-}" != debian ] && has rustup; then
    say "adding the target $TARGET (rustup)"
    if rustup target add "$TARGET" >/dev/null 2>&1; then return; fi
  fi
  has apt-get || die "run 'rustup target add $TARGET'; there is no other way on this system"
  install_debian_rust
}

install_debian_rust() {
  local version minor package unpacked=$home/debian
  say "unpacking rustc-web and its standard library (apt-get)"
  version=$(candidate rustc-web)
  if [ -z "$version" ]; then
    twice as_root apt-get update -qq >/dev/null
    version=$(candidate rustc-web)
  fi
  [ -n "$version" ] || die "run 'rustup target add $TARGET'; apt-get has no rustc-web either"
  minor=$(cut -d. -f1,2 <<<"$version")
  rm -rf "$unpacked"
  mkdir -p "$unpacked/packages"
  (
    cd "$unpacked/packages"
    twice fetch "rustc-web=$version" "rust-web-src=$version" \
      "libstd-rust-web-$minor=$version" "libstd-rust-web-dev=$version" >/dev/null
    # The compiler says which LLVM it wants.
    package=$(dpkg-deb -f "libstd-rust-web-$minor"_*.deb Depends | grep -o 'libllvm[0-9]*' | head -1)
    twice fetch "$package" >/dev/null
    for package in *.deb; do dpkg-deb -x "$package" "$unpacked"; done
  )
  rm -rf "$unpacked/packages"
  cat > "$home/rustc" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=\$(echo "$unpacked"/usr/lib/*-linux-gnu "$unpacked"/usr/lib/llvm-*/lib | tr ' ' :)
export LD_LIBRARY_PATH
exec "$unpacked/usr/bin/rustc" "\$@"
EOF
  chmod +x "$home/rustc"
}

# Downloads packages into this folder, as the user that it belongs to.
fetch() { apt-get -o APT::Sandbox::User="$(id -un)" download -qq "$@"; }

candidate() { apt-cache policy "$1" | sed -n 's/^ *Candidate: \([^(]*\)$/\1/p'; }

install_npm() {
  if cmp -s "$guest/js/package-lock.json" "$home/npm/installed"; then return; fi
  has npm || die "npm is missing; run scripts/tools.sh guests"
  say "installing componentize-qjs (npm)"
  mkdir -p "$home/npm"
  cp "$guest/js/package.json" "$guest/js/package-lock.json" "$home/npm/"
  (cd "$home/npm" && twice npm install --silent --no-audit --no-fund --ignore-scripts >/dev/null)
  cp "$guest/js/package-lock.json" "$home/npm/installed"
}

# --- building -------------------------------------------------------------------------------------

build() {
  local name stale=()
  if [ $# -eq 0 ]; then
    for name in "$examples"/*/; do set -- "$@" "$(basename "$name")"; done
  fi
  for name in "$@"; do
    [ -d "$examples/$name" ] || die "there is no example $name"
    if is_stale "$name"; then stale+=("$name"); fi
  done
  if [ ${#stale[@]} -eq 0 ]; then return; fi
  install
  mkdir -p "$out" "$home/core"
  for name in "${stale[@]}"; do
    say "building $name"
    case $(language "$name") in
      rust) build_rust "$name" ;;
      c) build_c "$name" ;;
      js) build_js "$name" ;;
    esac
    cp "$examples/$name/$name.toml" "$out/$name.toml"
    mv -f "$home/core/$name.component" "$out/$name.wasm"
  done
}

language() {
  if [ -e "$examples/$1/Cargo.toml" ]; then echo rust
  elif [ -e "$examples/$1/plugin.js" ]; then echo js
  else echo c
  fi
}

# Whether anything that it is made of is newer than the component.
is_stale() {
  local made=$out/$1.wasm
  [ -e "$made" ] && [ -e "$out/$1.toml" ] || return 0
  [ -n "$(find "$examples/$1" "$guest/$(language "$1")" "$wit" "$root/scripts/guests.sh" \
    -type f ! -path "$guest/rust/Cargo.lock" ! -path '*/target/*' ! -path '*/node_modules/*' \
    -newer "$made" | head -n 1)" ]
}

build_rust() {
  # Cargo and the compilers read these.
  export CARGO_TARGET_DIR=$home/rust RUSTFLAGS=
  local extra=()
  if ! has_target; then
    local lld
    lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
    [ -x "$lld" ] || die "this Rust toolchain has no rust-lld"
    export RUSTC=$home/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$home/rust-debian
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld
    extra=(-Z build-std=std,panic_abort)
  fi
  cargo build --quiet --locked --release --target "$TARGET" ${extra[@]+"${extra[@]}"} \
    --manifest-path "$examples/$1/Cargo.toml"
  pack "$CARGO_TARGET_DIR/$TARGET/release/$1.wasm" "$1"
}

# No start files and no entry: a plugin has no `main`, and nothing of WASI is to be linked in.
build_c() {
  local sources=("$examples/$1"/*.c) source kept=()
  for source in "${sources[@]}"; do
    case $source in *_test.c) ;; *) kept+=("$source") ;; esac
  done
  "$(wasm_clang)" --target=wasm32-wasi -std=c17 -Os -Wall -Wextra -Werror \
    -I "$guest/c" -I "$guest/c/source" \
    -nostartfiles -Wl,--no-entry,--strip-all,--gc-sections \
    "${kept[@]}" "$guest/c/source/source.c" "$guest/c/source/source_component_type.o" \
    -o "$home/core/$1.core"
  pack "$home/core/$1.core" "$1"
}

# The newest clang that can build for the target; prints nothing if there is none.
find_wasm_clang() {
  local clang
  for clang in ${CLIPMILL_GUESTS_CLANG:-} ${WASI_SDK_PATH:+"$WASI_SDK_PATH/bin/clang"} \
    clang-{22,21,20,19,18,17,16} clang /opt/homebrew/opt/llvm/bin/clang; do
    if has "$clang" && makes_wasm "$clang"; then
      printf '%s\n' "$clang"
      return
    fi
  done
}

makes_wasm() {
  echo 'int twice(int n) { return n * 2; }' |
    "$1" --target=wasm32-wasi -include string.h -nostartfiles -Wl,--no-entry -x c - -o /dev/null \
      >/dev/null 2>&1
}

wasm_clang() {
  local clang
  clang=$(find_wasm_clang)
  [ -n "$clang" ] || die "no clang here builds for wasm32-wasi; run scripts/tools.sh guests"
  printf '%s\n' "$clang"
}

# Its output is a component already.
build_js() {
  "$home/npm/node_modules/.bin/componentize-qjs" --wit "$guest/js/wit" --world source \
    --js "$examples/$1/plugin.js" --module-root "$root" --sync --stub-wasi --opt-size \
    --output "$home/core/$1.component" >/dev/null
}

# pack CORE NAME: makes a component of a core module.
pack() {
  has "$clipmill" || die "there is no $clipmill; build it, or name another with CLIPMILL"
  "$clipmill" plugin pack "$1" --force --output "$home/core/$2.component" >/dev/null
}

# --- tests and copies -----------------------------------------------------------------------------

run_tests() {
  local world
  export CARGO_TARGET_DIR=$home/native
  for world in source codec frame-codec; do
    cargo test --quiet --manifest-path "$guest/rust/Cargo.toml" --features "$world"
  done
  for world in "$examples"/*/Cargo.toml; do
    cargo test --quiet --locked --manifest-path "$world"
  done
  mkdir -p "$home/native"
  (
    cd "$examples/podcast"
    "${CC:-cc}" -std=c17 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined \
      -fno-sanitize-recover=all slice.c xml.c feed.c feed_test.c -o "$home/native/feed_test"
  )
  "$home/native/feed_test"
  node "$guest/js/clipmill.test.mjs"
}

# What the interface is made of, in one number; the generated C says which it was made for.
fingerprint() { cat "$wit"/*.wit | cksum; }

check() {
  local again
  again=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$again'" EXIT
  node "$guest/js/wit.mjs" "$wit" "$again"
  diff -r "$wit" "$guest/rust/wit" >&2 && diff -r "$again" "$guest/js/wit" >&2 &&
    [ "$(fingerprint)" = "$(cat "$guest/c/made-for")" ] ||
    die "plugins/guest is behind plugins/wit; run scripts/guests.sh generate"
}

generate() {
  local world
  wit-bindgen --version | grep -q " $WIT_BINDGEN\." ||
    die "run 'cargo install wit-bindgen-cli --version ^$WIT_BINDGEN' first"
  rm -rf "$guest/rust/wit" "$guest/js/wit"
  cp -R "$wit" "$guest/rust/wit"
  node "$guest/js/wit.mjs" "$wit" "$guest/js/wit"
  for world in source codec frame-codec; do
    wit-bindgen c "$wit" --world "$world" --out-dir "$guest/c/$world" >/dev/null
  done
  fingerprint > "$guest/c/made-for"
}

case "${1:-}" in
  install) install ;;
  build) shift; build "$@" ;;
  test) run_tests ;;
  check) check ;;
  generate) generate ;;
  clang) find_wasm_clang ;;
  *) die "usage: scripts/guests.sh install|build [NAME...]|test|check|generate" ;;
esac
