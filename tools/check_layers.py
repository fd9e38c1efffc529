#!/usr/bin/env python3
"""Says which #include crosses the house's walls.

A folder may include only what its row below allows; a third-party library only shows in the one
folder that hides it. The rules are few and nobody remembers them while writing, so ctest runs this.

    tools/check_layers.py               checks this repository; exit code 1 and a list where it is broken
    tools/check_layers.py --self-test   breaks each rule in a made-up tree and expects to be told

A new folder needs a row here; a new arrow is a decision, so say why in the commit.
"""
import argparse
import pathlib
import re
import sys
import tempfile

# folder -> what it may include besides itself. "common/*" is every folder below common; a path that
# ends in .h is that header alone. Files that lie directly in coordinator/ or worker/ are the mains.
MAY_INCLUDE = {
    "common/base": [],
    "common/process": ["common/base"],
    "common/files": ["common/base"],
    "common/protocol": ["common/base"],
    # A job's spec: what clients write and the coordinator reads.
    "common/job": ["common/base", "common/protocol"],
    "common/wire": ["common/base", "common/protocol"],
    "common/net": ["common/base"],
    # Files of keys; the keys themselves belong to the sockets.
    "common/keys": ["common/base", "common/files", "common/net"],
    # An HTTP server; it sends files.
    "common/http": ["common/base", "common/files"],
    "common/config": ["common/base"],
    "common/model_folder": ["common/base", "common/files"],
    "common/media": ["common/base", "common/protocol", "common/files"],
    "common/body": ["common/base", "common/protocol", "common/model_folder"],
    "common/accuracy": ["common/base", "common/protocol", "common/files", "common/body"],
    "common/people": ["common/base", "common/protocol"],
    "coordinator/core": ["common/base", "common/protocol"],
    # The store keeps the records that the core defines.
    "coordinator/store": ["common/base", "common/protocol", "common/files", "coordinator/core"],
    "coordinator/pipeline": ["common/base", "common/protocol", "common/files", "common/job",
                             "common/media", "common/people", "common/wire", "coordinator/core"],
    "coordinator/server": ["common/*", "coordinator/core", "coordinator/store",
                           "coordinator/pipeline"],
    "coordinator": ["common/*", "coordinator/*"],
    "worker/core": ["common/base", "common/protocol"],
    "worker/import": ["common/base", "common/files", "common/model_folder", "common/body"],
    "worker/model": ["common/base", "common/protocol", "common/files", "common/model_folder",
                     "common/body"],
    # The network again, for CUDA; it shares the crop's and the rotations' definitions.
    "worker/device": ["common/base", "common/protocol", "common/model_folder", "worker/model"],
    # A detector's boxes are judged by the crops that are cut from them.
    "worker/detect": ["common/base", "common/protocol", "common/model_folder", "worker/model"],
    "worker/render": ["common/base", "common/protocol", "common/body", "common/model_folder",
                      "common/media/yuv.h"],
    # Letters; whoever draws them decides where.
    "worker/text": ["common/base"],
    # Styles: bodies, lines and words over a frame's planes.
    "worker/figures": ["common/base", "common/protocol", "common/body", "common/media/yuv.h", "worker/render", "worker/text"],
    "worker/runtime": ["common/*", "worker/core"],
    # What a worker does with a range; the runtime knows it as an interface of its own.
    "worker/stages": ["common/*", "worker/detect", "worker/device", "worker/figures", "worker/model", "worker/render", "worker/runtime"],
    "worker": ["common/*", "worker/*"],
    "cli": ["common/*", "worker/import", "worker/render", "worker/text"],
    # What training draws its pictures of, and the programs that learn from them.
    "training/body": ["common/*", "worker/render"],
    "training/footage": ["common/*", "worker/*", "training/body"],
    "training/detector": ["common/*", "worker/detect", "worker/model", "training/body",
                          "training/footage"],
    "training/hmr2": ["common/*", "worker/model", "training/footage"],
    "training": ["common/*", "worker/*", "training/*"],
}

# Folders that may include everything and that nothing includes.
ON_TOP = ["tests", "bench"]

# library -> its headers (regular expression, from the start) and the folders that may show it.
# "main" stands for the files that lie directly in coordinator/ and worker/.
LIBRARIES = {
    "ZeroMQ": (r"zmq", ["common/net"]),
    "Boost": (r"boost/", ["common/http"]),
    "Cap'n Proto": (r"(capnp|kj|schemas)/", ["common/wire"]),
    "FreeType": (r"(ft2build|freetype/)", ["worker/text"]),
    "yaml-cpp": (r"yaml-cpp/", ["common/config", "common/model_folder", "worker/import"]),
    "FFmpeg": (r"lib(av|sw)[a-z]+/", ["common/media"]),
    "Eigen": (r"Eigen/", ["common/body", "common/accuracy", "common/people"]),
    "SQLite": (r"sqlite3", ["coordinator/store"]),
    "LibTorch": (r"(torch|ATen|c10)/", ["worker/model", "worker/detect", "worker/device",
                                        "training/detector", "training/hmr2"]),
    "CUDA": (r"cuda|c10/cuda|ATen/cuda", ["worker/device"]),
    "oneDNN": (r"(dnnl|oneapi/dnnl/)", ["worker/model"]),
    "OpenSSL": (r"openssl/", ["common/files"]),
    "zlib": (r"zlib\.h|zconf\.h", ["worker/import"]),
    "spdlog": (r"spdlog/", ["common/process"]),
    "nlohmann-json": (r"nlohmann/", ["common/job", "common/model_folder", "common/accuracy",
                                     "coordinator/pipeline", "cli", "training/detector"]),
    "CLI11": (r"CLI/", ["cli", "main", "training"]),
    "GoogleTest": (r"g(test|mock)/", []),
    "google-benchmark": (r"benchmark/", []),
}
# Text formatting, the standard library, and what the system offers: anywhere.
ANYWHERE = re.compile(
    r"fmt/|[a-z0-9_]+$|(sys|netinet|arpa|linux|net)/[a-z0-9_]+\.h$|[a-z0-9_]+\.h$")

SIDES = ["common", "coordinator", "worker", "cli", "training"] + ON_TOP
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def folder_of(path):
    """The row that a path belongs to: worker/render for worker/render/x/y.h, worker for worker/main.cc."""
    parts = path.split("/")
    if parts[0] in ("cli", *ON_TOP) or len(parts) == 2:
        return parts[0]
    return "/".join(parts[:2])


def library_of(include):
    for name, (pattern, _) in LIBRARIES.items():
        if re.match(pattern, include):
            return name
    return None


def may_show(folder, library):
    places = LIBRARIES[library][1]
    return (folder in ON_TOP or folder in places
            or ("main" in places and folder in ("coordinator", "worker")))


def may_include(folder, path):
    if folder in ON_TOP or folder_of(path) == folder:
        return True
    for allowed in MAY_INCLUDE[folder]:
        if allowed.endswith(".h"):
            if path == allowed:
                return True
        elif allowed.endswith("/*"):
            if path.startswith(allowed[:-1]):
                return True
        elif folder_of(path) == allowed:
            return True
    return False


def find_cycle(arrows):
    """A list of names that leads back to its first, or None. `arrows`: name -> set of names."""
    done = set()
    for start in sorted(arrows):
        path, on_path = [], set()
        stack = [(start, iter(sorted(arrows.get(start, ()))))] if start not in done else []
        if stack:
            path.append(start)
            on_path.add(start)
        while stack:
            name, following = stack[-1]
            for next_name in following:
                if next_name in on_path:
                    return path[path.index(next_name):] + [next_name]
                if next_name not in done:
                    stack.append((next_name, iter(sorted(arrows.get(next_name, ())))))
                    path.append(next_name)
                    on_path.add(next_name)
                    break
            else:
                done.add(name)
                on_path.discard(name)
                path.pop()
                stack.pop()
    return None


class Checker:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.includes = {}  # path -> [(line, is it quoted, what is included)]

    def read(self):
        for side in SIDES:
            files = [*(self.root / side).rglob("*.h"), *(self.root / side).rglob("*.cc")]
            for file in sorted(files):
                path = file.relative_to(self.root).as_posix()
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
                self.includes[path] = [
                    (number, match.group(1) == '"', match.group(2))
                    for number, line in enumerate(lines, 1) if (match := INCLUDE.match(line))]

    def libraries_shown_by(self, header):
        """Library -> the header that includes it, for all that comes with `header`."""
        shown, seen, waiting = {}, set(), [header]
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            for _, _, included in self.includes.get(path, []):
                library = library_of(included)
                if library:
                    shown.setdefault(library, path)
                elif included in self.includes:
                    waiting.append(included)
        return shown

    def check_include(self, path, line, is_quoted, included):
        folder = folder_of(path)
        where = f"{path}:{line}"
        library = library_of(included)
        if library:
            if not may_show(folder, library):
                places = ", ".join(LIBRARIES[library][1]) or "tests and bench"
                self.problems.append(
                    f"{where}: {folder} includes {included}: {library} belongs in {places}")
            return
        if included.split("/")[0] not in SIDES or "/" not in included:
            if is_quoted or not ANYWHERE.match(included):
                self.problems.append(
                    f"{where}: {included}: neither a path from the root nor a library of the table")
            return
        if not may_include(folder, included):
            self.problems.append(
                f"{where}: {folder} may not include {folder_of(included)} ({included})")
            return
        if folder_of(included) == folder:
            return
        for shown, by in sorted(self.libraries_shown_by(included).items()):
            if not may_show(folder, shown):
                self.problems.append(
                    f"{where}: {included} shows {shown} (included by {by}): keep it behind the wall")

    def check(self):
        self.read()
        for path, includes in self.includes.items():
            if folder_of(path) not in MAY_INCLUDE and folder_of(path) not in ON_TOP:
                self.problems.append(f"{path}: folder {folder_of(path)} has no row in the table")
                continue
            for line, is_quoted, included in includes:
                self.check_include(path, line, is_quoted, included)
        headers = {path: {i for _, _, i in includes if i in self.includes and i != path}
                   for path, includes in self.includes.items()}
        folders = {}
        for path, targets in headers.items():
            folders.setdefault(folder_of(path), set()).update(
                folder_of(t) for t in targets if folder_of(t) != folder_of(path))
        for kind, arrows in (("files", headers), ("folders", folders)):
            if cycle := find_cycle(arrows):
                self.problems.append(f"{kind} include each other in a circle: {' -> '.join(cycle)}")
        return self.problems


# What the self-test writes (path -> text), and the words that the answer must hold; none: no problem.
SELF_TESTS = [
    ("what is allowed", {"worker/render/a.h": '#pragma once\n#include "common/media/yuv.h"\n',
                         "common/media/yuv.h": "#include <cstdint>\n",
                         "common/media/decoder.cc": "extern \"C\" {\n#include <libavcodec/avcodec.h>\n}\n",
                         "worker/main.cc": '#include <CLI/CLI.hpp>\n#include "worker/render/a.h"\n',
                         "tests/worker/a_test.cc": '#include <gtest/gtest.h>\n#include "worker/render/a.h"\n',
                         "common/base/x.cc": "#include <fmt/format.h>\n#include <unistd.h>\n"}, None),
    ("a core that logs", {"coordinator/core/a.cc": '#include "common/process/log.h"\n',
                          "common/process/log.h": ""},
     "coordinator/core/a.cc:1: coordinator/core may not include common/process"),
    ("a side that knows the other", {"worker/runtime/a.cc": '\n#include "coordinator/core/a.h"\n',
                                     "coordinator/core/a.h": ""},
     "worker/runtime/a.cc:2: worker/runtime may not include coordinator/core"),
    ("more than one header of media", {"worker/render/a.cc": '#include "common/media/decoder.h"\n',
                                       "common/media/decoder.h": ""},
     "worker/render may not include common/media"),
    ("a library in the wrong folder", {"common/wire/a.cc": "#include <zmq.hpp>\n"},
     "ZeroMQ belongs in common/net"),
    ("generated code in the wrong folder", {"common/net/a.cc": '#include "schemas/a.capnp.h"\n'},
     "Cap'n Proto belongs in common/wire"),
    ("a library in a public header", {"common/net/a.h": "#include <zmq.h>\n",
                                      "worker/runtime/a.cc": '#include "common/net/a.h"\n'},
     "common/net/a.h shows ZeroMQ"),
    ("the same, one header further", {"common/net/a.h": '#include "common/net/b.h"\n',
                                      "common/net/b.h": "#include <zmq.h>\n",
                                      "worker/runtime/a.cc": '#include "common/net/a.h"\n'},
     "(included by common/net/b.h)"),
    ("an unknown library", {"common/net/a.cc": "#include <unknown_library/asio.hpp>\n"},
     "neither a path from the root nor a library"),
    ("a path that is not from the root", {"common/net/a.cc": '#include "b.h"\n', "common/net/b.h": ""},
     "neither a path from the root nor a library"),
    ("a folder without a row", {"common/utils/a.cc": ""}, "common/utils has no row"),
    ("tests that something includes", {"common/net/a.cc": '#include "tests/support/a.h"\n',
                                       "tests/support/a.h": ""},
     "common/net may not include tests"),
    ("headers in a circle", {"common/base/a.h": '#include "common/base/b.h"\n',
                             "common/base/b.h": '#include "common/base/a.h"\n'},
     "files include each other in a circle"),
    ("folders in a circle", {"worker/core/a.h": '#include "worker/model/b.h"\n', "worker/core/c.h": "",
                             "worker/model/b.h": "", "worker/model/d.h": '#include "worker/core/c.h"\n'},
     "folders include each other in a circle"),
]


def self_test():
    failed = 0
    for name, files, expected in SELF_TESTS:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            problems = Checker(root).check()
        as_expected = any(expected in p for p in problems) if expected else not problems
        if not as_expected:
            failed += 1
            print(f"{name}: expected {expected or 'no problem'}, got {problems}")
    # The table itself must not allow a circle.
    arrows = {folder: {a for a in allowed if a in MAY_INCLUDE} for folder, allowed in MAY_INCLUDE.items()}
    if cycle := find_cycle(arrows):
        failed += 1
        print(f"the table allows a circle: {' -> '.join(cycle)}")
    print(f"self-test: {len(SELF_TESTS) + 1 - failed} of {len(SELF_TESTS) + 1} as expected")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description="Says which #include crosses the house's walls.")
    parser.add_argument("--self-test", action="store_true", help="show that each rule bites")
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    checker = Checker(arguments.root)
    problems = checker.check()
    for problem in problems:
        print(problem)
    if not checker.includes:
        print(f"{arguments.root}: no source files found")
        return 1
    if not problems:
        print(f"{len(checker.includes)} files keep to the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
