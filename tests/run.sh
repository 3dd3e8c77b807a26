#!/usr/bin/env bash
# The whole test suite. Arguments go to `cargo test`, to run a part: tests/run.sh --test e2e groups::
#
# NATTERJACK_TEST_NO_WINDOW=1 leaves the window out, NATTERJACK_TEST_NO_LAB=1 the NAT lab, which also does not
# run with arguments. NATTERJACK_TEST_LOG=debug sets the programs' logs.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/system-packages.sh

command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"
command -v cargo >/dev/null || { echo "cargo is missing: https://rustup.rs"; exit 1; }

left_out=()
if [ -n "${NATTERJACK_TEST_NO_WINDOW:-}" ]; then
    left_out+=("the window test (NATTERJACK_TEST_NO_WINDOW is set)")
elif ! system_packages xvfb openbox imagemagick libgl1-mesa-dri libgl1 libegl1 libx11-6 libx11-xcb1 \
    libxcursor1 libxi6 libxrandr2 libxkbcommon0 libxkbcommon-x11-0 libfontconfig1; then
    export NATTERJACK_TEST_NO_WINDOW=1
    left_out+=("the window test (its system packages are missing)")
fi

system_packages faketime || left_out+=("jumps of the clock (faketime is missing)")

echo "== building everything"
# Tests and programs in one go share the features of their dependencies, so that each is built once.
cargo build --workspace --all-targets --locked

echo "== testing"
cargo test --workspace --locked "$@"

if [ $# -gt 0 ]; then
    left_out+=("the NAT lab (a part of the tests was asked for)")
elif [ -n "${NATTERJACK_TEST_NO_LAB:-}" ]; then
    left_out+=("the NAT lab (NATTERJACK_TEST_NO_LAB is set)")
elif ! system_packages nftables iproute2 util-linux; then
    left_out+=("the NAT lab (its system packages are missing)")
else
    system_packages miniupnpd-nftables || left_out+=("a router that opens ports (miniupnpd is missing)")
    echo "== testing the roads between networks"
    # It runs the programs that were built above.
    NATTERJACK_TEST_PROGRAMS="${CARGO_TARGET_DIR:-$PWD/target}/debug" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/lab" \
        cargo test --manifest-path tests/lab/Cargo.toml --locked
fi

echo "== all tests passed"
if [ ${#left_out[@]} -gt 0 ]; then
    printf 'left out: %s\n' "${left_out[@]}"
fi
