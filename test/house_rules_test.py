"""The rules of the house that a machine can check: who may include whom, one home a library, file length, banned calls."""

import pathlib
import re
import unittest

from test import cases

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["config", "stats", "router", "examples", "bench", "test", "proto", "deploy"]

# Which folders a folder's files may include, besides itself. The deepest folder that has a line decides.
ARROWS = {
    "config": ["stats"],
    "stats": [],
    "stats/export": ["stats"],
    "router/routing": ["config", "stats"],
    "router/experiment": ["config", "stats", "proto"],
    "router/runtime": [],
    "router/http2": [],
    "router/dataplane": ["router/http2", "router/routing", "router/runtime", "config", "stats", "proto"],
    "router/control": ["router/routing", "router/experiment", "router/runtime", "config", "stats", "proto"],
    "router/admin": ["router/control", "router/routing", "router/runtime", "stats", "config", "proto"],
    "router/cli": ["config", "stats", "router/routing", "router/experiment", "router/control", "router/runtime",
                   "proto"],
}

# The one file that may include a library's headers.
HOMES = {
    r"yaml-cpp/": "config/",
    r"nghttp2/": "router/http2/hpack.cc",
    r"openssl/": "router/runtime/crypto",
    r"curl/": "router/runtime/http_client.cc",
    r"spdlog/": "router/runtime/log",
    r"sqlite3\.h": "router/control/sqlite_file",
    r"prometheus/": "stats/export/prometheus",
    r"httplib\.h": "router/admin/",
    r"xxhash\.h": "router/routing/",
    r"CLI/": "router/cli/",
    r"boost/math/": "stats/",
}

EXTERNAL = ("absl/", "google/", "grpc", "boost/")  # Included with quotes, and not ours.

TESTS = "*_test.cc"  # A test may wait for a condition until a deadline.

# What must not be called, and where it may be all the same.
BANNED = [
    (r"\bstd::rand\b|\bsrand\(", "use absl's bit generators, passed in", []),
    (r"\bsleep_for\b|\busleep\(|\bSleepFor\b|\bnanosleep\(", "wait for a condition", []),
    (r"\babsl::Now\(\)|\bsystem_clock::now\b|\bsteady_clock::now\b|\bclock_gettime\(",
     "time is an argument; only router/runtime/clock reads it",
     ["router/runtime/clock", "examples/", "bench/", "stats/statistical", "router/cli/", TESTS]),
    (r"\bthrow\b(?! \()", "errors are absl::Status", []),
    (r"\bstd::mutex\b|\bpthread_mutex", "only Latest and Mailbox hold locks (absl::Mutex)",
     ["examples/", TESTS]),
    (r"\busing namespace\b", "name what you use", []),
    (r"\bTODO\b|\bFIXME\b|\bXXX\b", "do it, or open an issue", []),
]

HARD_LINES = 600  # House style asks for about 400; past this a file holds more than one idea.


def sources(*suffixes):
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path, path.relative_to(ROOT).as_posix()


def code_of(text):
    """The text without comments and string literals, lines kept."""
    text = re.sub(r'R"(\w*)\((.*?)\)\1"', lambda m: '""' + "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def folder_rule(name):
    """The deepest folder of ARROWS that holds the file, or None."""
    holders = [folder for folder in ARROWS if name.startswith(folder + "/")]
    return max(holders, key=len) if holders else None


def is_home(name, homes):
    return any(name.endswith("_test.cc") if home == TESTS else name.startswith(home) for home in homes)


class HouseRules(unittest.TestCase):
    def expect_none(self, breaches):
        self.assertFalse(breaches, "\n" + "\n".join(breaches))

    def test_includes_follow_the_arrows(self):
        breaches = []
        for path, name in sources(".h", ".cc"):
            rule = folder_rule(name)
            if rule is None or name.endswith(("_test.cc", "_benchmark.cc")):
                continue
            allowed = [rule] + ARROWS[rule]
            for number, line in enumerate(path.read_text().splitlines(), 1):
                include = re.match(r'#include "([^"]+)"', line)
                if not include or include[1].startswith(EXTERNAL):
                    continue
                target = folder_rule(include[1]) or include[1].split("/")[0]
                if target not in allowed:
                    breaches.append(f"{name}:{number}: {rule} may not include {include[1]}")
        self.expect_none(breaches)

    def test_each_library_has_one_home(self):
        breaches, users = [], {}
        for path, name in sources(".h", ".cc"):
            for include in re.findall(r'#include [<"]([^>"]+)[>"]', path.read_text()):
                for library, home in HOMES.items():
                    if re.match(library, include):
                        users.setdefault(library, set()).add(name)
                        if not name.startswith(home):
                            breaches.append(f"{name}: includes {include}, whose home is {home}")
        for library, names in users.items():
            if len(names) > 1:
                breaches.append(f"{library} is included by {sorted(names)}")
        self.expect_none(breaches)

    def test_no_banned_call(self):
        breaches = []
        for path, name in sources(".h", ".cc"):
            for number, line in enumerate(code_of(path.read_text()).splitlines(), 1):
                for pattern, reason, homes in BANNED:
                    if re.search(pattern, line) and not is_home(name, homes):
                        breaches.append(f"{name}:{number}: {line.strip()}   ({reason})")
        self.expect_none(breaches)

    def test_files_hold_one_idea(self):
        breaches = []
        for path, name in sources(".h", ".cc", ".py", ".sh"):
            lines = path.read_text().count("\n")
            if lines > HARD_LINES:
                breaches.append(f"{name}: {lines} lines")
        self.expect_none(breaches)

    def test_headers_are_guarded_by_their_own_name(self):
        breaches = []
        for path, name in sources(".h"):
            guard = "WEIR_" + re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_"
            if f"#ifndef {guard}\n#define {guard}\n" not in path.read_text():
                breaches.append(f"{name}: guard is not {guard}")
        self.expect_none(breaches)

    def test_names_say_what_a_thing_is(self):
        breaches = [name for _, name in sources(".h", ".cc", ".py")
                    if re.search(r"(^|[/_])(util|utils|common|manager|helper|helpers|impl)([_./]|$)", name)]
        self.expect_none(breaches)

    def test_no_machine_is_named(self):
        breaches = []
        for path, name in sources(".h", ".cc", ".py", ".sh", ".md", ".yaml", ".bzl", ".bazel"):
            if name.startswith("test/house_rules"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if re.search(r"/work/|/root/|/home/\w", line):
                    breaches.append(f"{name}:{number}: {line.strip()}")
        self.expect_none(breaches)


if __name__ == "__main__":
    cases.main()
