#!/usr/bin/env bash
# ./dev build [PRESET] [TARGET...]
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
case ${1:-} in
  release | asan | tsan | fuzz)
    preset=$1
    shift
    ;;
esac
tools/dev/setup.sh --quiet build
case $preset in asan | tsan) tools/dev/setup.sh --quiet unit ;; esac
started=$SECONDS
configure "$preset"
ninja -C "build/$preset" "$@"
say "built in $((SECONDS - started)) s: build/$preset$([ "$preset" != release ] || echo /postern)"
