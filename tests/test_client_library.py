# SPDX-License-Identifier: MIT
"""The launcher of Python libraries: what it asks of one, and what its exit codes say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite.clients.description import KNOWN, find, known, read

LAUNCHER = KNOWN / "library.py"
STUB = """\
import enum, json, os

class AccessFS(enum.IntFlag):
    EXECUTE, READ_FILE = 1, 4

class AccessNet(enum.IntFlag):
    BIND_TCP = 1

class Scope(enum.IntFlag):
    SIGNAL = 2

class Ruleset:
    def __init__(self, **asked):
        if asked["handled_net"] and not asked["best_effort"]:
            raise OSError("the kernel has no ports")
        self.said = [{k: int(v) for k, v in asked.items()}]

    def allow_path(self, path, access):
        self.said.append([path, int(access)])

    def allow_port(self, port, access):
        self.said.append([port, int(access)])

    def restrict(self):
        os.environ["ASKED"] = json.dumps(self.said)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass
"""
PROGRAM = (sys.executable, "-c", "import os, signal; print(os.environ['ASKED'])")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stub")
    (folder / "landlockpy.py").write_text(STUB)
    return folder


def launched(stub: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LAUNCHER, "landlockpy", *words, "--", *PROGRAM],
        env={**os.environ, "PYTHONPATH": str(stub)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_policy_becomes_calls_and_then_the_program_runs(stub: Path) -> None:
    words = ("--restrict", "fs.execute", "--restrict", "fs.read_file", "--restrict", "scope.signal")
    rules = ("--allow", "fs.read_file,fs.execute:/srv/a:b", "--port", "net.bind_tcp:80")
    ran = launched(stub, *words, *rules, "--best-effort")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [
        {"handled_fs": 5, "handled_net": 0, "scoped": 2, "best_effort": 1},
        ["/srv/a:b", 5],
        [80, 1],
    ]


def test_a_right_that_the_library_does_not_know_is_125(stub: Path) -> None:
    ran = launched(stub, "--restrict", "fs.truncate")
    assert (ran.returncode, ran.stdout) == (125, "")
    assert ran.stderr == "landlockpy: no words for fs.truncate\n"


def test_a_library_that_refuses_is_126_and_nothing_runs(stub: Path) -> None:
    ran = launched(stub, "--restrict", "net.bind_tcp")
    assert (ran.returncode, ran.stdout) == (126, "")
    assert ran.stderr == "landlockpy: OSError: the kernel has no ports\n"


@pytest.mark.parametrize("name", known())
def test_a_description_names_itself_and_what_it_needs(name: str) -> None:
    client = read(find(name))
    assert client.name == name
    needed = [word for word in client.command if word.startswith("{here}/")]
    assert all((KNOWN / word.removeprefix("{here}/")).is_file() for word in needed)
    ordered = {*client.source.packages, *client.source.built}
    ordered |= {it.partition("==")[0] for it in client.source.wheels}
    assert client.version_of in ordered
