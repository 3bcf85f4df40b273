#!/usr/bin/env bash
# ./dev fuzz [--seconds N] [NAME...]: runs the fuzz targets whose names contain a NAME (all by default) with libFuzzer, ASan
# and UBSan, as many at a time as there are cores.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

seconds=60
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds)
      seconds=${2:-}
      shift
      ;;
    --seconds=*) seconds=${1#*=} ;;
    -*) die "fuzz: there is no option '$1' (there is: --seconds N)" ;;
    *) names+=("$1") ;;
  esac
  shift
done
case $seconds in '' | *[!0-9]*) die "fuzz: --seconds takes a whole number, not '$seconds'" ;; esac

targets=()
for source in fuzz/*/fuzz_*.cc; do
  [ -e "$source" ] || continue
  target=$(basename "$source" .cc)
  if [ ${#names[@]} -eq 0 ]; then targets+=("$target"); fi
  for name in "${names[@]}"; do
    case $target in *"$name"*)
      targets+=("$target")
      break
      ;;
    esac
  done
done
[ ${#targets[@]} -gt 0 ] || die "fuzz: no target's name contains: ${names[*]:-(anything)}"

tools/dev/setup.sh --quiet build
configure fuzz
ninja -C build/fuzz "${targets[@]}"
exec python3 tools/fuzz.py --seconds "$seconds" --jobs "$(nproc)" "${targets[@]}"
