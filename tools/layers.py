#!/usr/bin/env python3
"""The layer check: who may include what in src/. Exit 1 where a rule is broken.

layers.py [ROOT]       checks the repository
layers.py --self-test  checks that each rule finds a tree that breaks it

CMakeLists.txt is the one table of modules: their order, their DEPS, and the level, from the comments `# Level N`. A module
may include itself and its DEPS. Heavy or platform headers are confined as RULES and CONFINED say.
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Levels 0 to 2 are pure: they can be tested without a socket or a thread.
PURE_LEVELS = (0, 1, 2)
SOCKETS = re.compile(r"^(sys/(socket|un|epoll|select|poll|uio)\.h|poll\.h|netdb\.h|netinet/.*|arpa/inet\.h|linux/.*)$")
THREADS = re.compile(r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|pthread\.h)$")
# Where a pure level needs one of them all the same, with the reason.
PURE_EXCEPTIONS = {
    "base": ({"mutex"}, "the registries of counters and of the log are shared by all threads"),
    "record": ({"thread", "mutex", "condition_variable"}, "the writer of records has a thread of its own, off the loops"),
}

# (what, pattern, the modules that may)
CONFINED = [
    ("Boost", re.compile(r"^boost/"), {"web"}),
    ("libcurl", re.compile(r"^curl/"), {"outbound"}),
    ("zlib", re.compile(r"^zlib\.h$"), {"gzip"}),
    ("OpenSSL's protocol side", re.compile(r"^openssl/(ssl|tls1|dtls1|srtp)\.h$"), {"io"}),
]
# Headers that cost seconds to compile: one .cc each in all of src (FILES_MAX: but for these), never a header.
ONE_FILE = {"nlohmann": re.compile(r"^nlohmann/"), "toml++": re.compile(r"^toml\+\+/|^toml\.hpp$"), "CLI11": re.compile(r"^CLI/")}
# The table of commands is too long for one file.
FILES_MAX = {"CLI11": 3}
NOT_IN_HEADERS = {"regex", "iostream", "filesystem", "ranges"}


def read_modules(cmake: str) -> dict[str, dict]:
    modules: dict[str, dict] = {}
    level = None
    for line in re.sub(r"\n[ \t]+", " ", cmake).splitlines():  # a declaration may go on in indented lines
        if found := re.match(r"#\s*Level (\d+)", line):
            level = int(found[1])
        elif found := re.match(r"postern_module\(\s*(\w+)([^)]*)\)", line):
            words = found[2].split()
            deps, into = [], None
            for word in words:
                if word in ("DEPS", "LIBS"):
                    into = word
                elif into == "DEPS":
                    deps.append(word)
            modules[found[1]] = {"level": level, "deps": deps}
    return modules


def includes(path: pathlib.Path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if found := INCLUDE.match(line):
            yield number, found[1], found[2]


def check_table(modules: dict[str, dict]) -> list[str]:
    problems, seen = [], set()
    for name, module in modules.items():
        if module["level"] is None:
            problems.append(f"CMakeLists.txt: module {name} stands under no '# Level N' comment")
        for dep in module["deps"]:
            if dep not in seen:
                problems.append(f"CMakeLists.txt: {name} depends on {dep}, which does not stand above it")
            elif module["level"] is not None and modules[dep]["level"] > module["level"]:
                problems.append(f"CMakeLists.txt: {name} (level {module['level']}) depends on {dep} (level {modules[dep]['level']})")
        seen.add(name)
    return problems


def check_include(name: str, module: dict, modules: dict, is_header: bool, header: str) -> str | None:
    top = header.split("/")[0]
    if "/" in header and top in modules and top != name and top not in module["deps"]:
        return f'"{header}": {name} does not name {top} in its DEPS (CMakeLists.txt); include downwards, or move the code'
    for what, pattern, allowed in CONFINED:
        if pattern.search(header) and name not in allowed:
            if not allowed:
                return f"<{header}>: {what} is not used here (docs/dependencies.md says why)"
            return f"<{header}>: {what} stays inside src/{', src/'.join(sorted(allowed))}"
    if module["level"] in PURE_LEVELS and (SOCKETS.search(header) or THREADS.search(header)):
        if header not in PURE_EXCEPTIONS.get(name, (set(), ""))[0]:
            return f"<{header}>: level {module['level']} knows no sockets and no threads"
    if is_header and header in NOT_IN_HEADERS:
        return f"<{header}> in a header: every file that includes it pays for it; use it in the .cc"
    for library, pattern in ONE_FILE.items():
        if is_header and pattern.search(header):
            return f"<{header}>: {library} belongs into one .cc, behind a header of our own"
    return None


def check(root: pathlib.Path) -> list[str]:
    modules = read_modules((root / "CMakeLists.txt").read_text())
    problems = check_table(modules)
    users: dict[str, list[str]] = {library: [] for library in ONE_FILE}
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        name = folder.name
        files = sorted([*folder.rglob("*.h"), *folder.rglob("*.cc")])
        if files and name not in modules:
            problems.append(f"src/{name}: not declared in CMakeLists.txt (postern_module)")
            continue
        for path in files:
            for number, _, header in includes(path):
                place = f"{path.relative_to(root)}:{number}"
                if problem := check_include(name, modules[name], modules, path.suffix == ".h", header):
                    problems.append(f"{place}: {problem}")
                if path.suffix == ".cc":
                    for library, pattern in ONE_FILE.items():
                        if pattern.search(header) and str(path) not in users[library]:
                            users[library].append(str(path))
    for library, paths in users.items():
        most = FILES_MAX.get(library, 1)
        if len(paths) > most:
            problems.append(f"{library} is included by {len(paths)} files ({', '.join(paths)}); {'one' if most == 1 else most} is the limit")
    return problems


GOOD_TREE = {
    "CMakeLists.txt": "# Level 0\npostern_module(base)\n# Level 1\npostern_module(smtp DEPS base LIBS X::Y)\n"
                      "# Level 3\npostern_module(io DEPS base)\n# Level 4\npostern_module(inbound DEPS base smtp io)\n",
    "src/base/log.cc": "#include <mutex>\n#include <iostream>\n",
    "src/smtp/reply.cc": '#include "base/log.h"\n#include "smtp/reply.h"\n',
    "src/io/tls.cc": "#include <openssl/ssl.h>\n#include <thread>\n",
    "src/inbound/session.cc": '#include "smtp/reply.h"\n#include "io/tls.h"\n#include <nlohmann/json.hpp>\n',
}
BAD_FILES = {  # one broken rule each, and a word of the complaint
    "upwards": ({"src/base/a.cc": '#include "smtp/reply.h"\n'}, "DEPS"),
    "sideways": ({"src/io/a.h": '#include "smtp/reply.h"\n'}, "DEPS"),
    "boost": ({"src/io/a.cc": "#include <boost/asio.hpp>\n"}, "Boost"),
    "ssl": ({"src/smtp/a.cc": "  #  include <openssl/ssl.h>\n"}, "OpenSSL"),
    "socket": ({"src/smtp/a.cc": "#include <sys/socket.h>\n"}, "sockets"),
    "thread": ({"src/smtp/a.h": "#include <thread>\n"}, "threads"),
    "exception": ({"src/base/a.cc": "#include <thread>\n"}, "threads"),
    "regex": ({"src/inbound/a.h": "#include <regex>\n"}, "in a header"),
    "header": ({"src/inbound/a.h": "#include <nlohmann/json.hpp>\n"}, "one .cc"),
    "twice": ({"src/io/a.cc": "#include <nlohmann/json.hpp>\n"}, "one is the limit"),
    "undeclared": ({"src/stray/a.cc": "\n"}, "not declared"),
    "order": ({"CMakeLists.txt": "# Level 1\npostern_module(smtp DEPS base)\n# Level 0\npostern_module(base)\n"
                                 "# Level 3\npostern_module(io DEPS base)\npostern_module(inbound DEPS base smtp io)\n"}, "stand above"),
    "level": ({"CMakeLists.txt": GOOD_TREE["CMakeLists.txt"] + "# Level 2\npostern_module(late DEPS io)\n"}, "(level 3)"),
}


def check_tree(files: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(pathlib.Path(folder))


def self_test() -> int:
    failures = [f"a good tree is refused: {problem}" for problem in check_tree(GOOD_TREE)]
    for name, (files, word) in BAD_FILES.items():
        problems = check_tree(GOOD_TREE | files)
        if len(problems) != 1 or word not in problems[0]:
            failures.append(f"{name}: expected one complaint with '{word}', got {problems}")
    print("\n".join(failures) if failures else f"{len(BAD_FILES) + 1} trees judged as they should be")
    return 1 if failures else 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
