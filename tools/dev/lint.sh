#!/usr/bin/env bash
# ./dev lint [--fix]: every check that reads the source; all of them run, then the exit code says whether one failed.
# ./dev lint --times: clean build without cache, the ten slowest translation units.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

fix=0
case ${1:-} in
  '') ;;
  --fix) fix=1 ;;
  --times) exec tools/dev/times.sh ;;
  *) die "lint: there is no option '$1' (there are: --fix, --times)" ;;
esac
tools/dev/setup.sh --quiet build unit bench lint
failed=()
check() {  # check NAME COMMAND...: its output appears as it comes, the verdict stands below it
  local name=$1
  shift
  if "$@" 2>&1 | sed -u 's/^/        /' >&2; then
    say "ok      $name"
  else
    say "FAILED  $name"
    failed+=("$name")
  fi
}

mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.cc' '*.h')
mapfile -t scripts < <({
  git ls-files --cached --others --exclude-standard '*.sh'
  git ls-files --cached --others --exclude-standard | xargs -r grep -lIE -m1 '^#!.*\b(ba)?sh$' 2>/dev/null || true
} | sort -u)

[ $fix = 0 ] || clang-format-19 -i "${sources[@]}"
check "the layer check finds bad trees" python3 tools/layers.py --self-test
check "layers" python3 tools/layers.py
check "clang-format (./dev lint --fix mends it)" clang-format-19 --dry-run -Werror "${sources[@]}"
check "shellcheck" shellcheck "${scripts[@]}"
check "python compiles" python3 -c 'import ast, sys
for path in sys.argv[1:]: ast.parse(open(path).read(), path)' tools/*.py tools/interop/*.py bench/*.py
check "names of machines in tracked files" python3 tools/tree_check.py
check "file lengths" python3 tools/file_lengths.py
configure asan -B build/lint -DPOSTERN_BENCH=ON  # every .cc file stands in its compile_commands.json; nothing is built there
check "clang-tidy (reads what changed since it was clean)" python3 tools/tidy.py build/lint --jobs "$(nproc)"

[ ${#failed[@]} -eq 0 ] || die "lint: ${#failed[@]} of the checks failed"
say "lint: all is well"
