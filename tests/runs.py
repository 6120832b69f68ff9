# SPDX-License-Identifier: MIT
"""landproof as a user starts it: a process of its own, with cases of the test's if need be."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reports.results import load
from suite.cli.run import CONFIG
from suite.judge.records import CaseRecord, Results

PATIENCE_S = 60.0
"""How long anything may take that is waited for; only what is broken takes it."""
MARK = "LANDPROOF_TEST_RUN"
"""Set for every process of a run."""
_OURS = """\
import sys
import termios
from pathlib import Path
from suite.cli import main, run
run.CONFIG = Path(sys.argv.pop(1))
sys.exit(main.main())
"""
Argv = list[str]


def landproof(*arguments: str, cases: Path | None = None) -> Argv:
    """The command line of landproof, with the cases of a folder in place of its own."""
    if cases is None:
        return [sys.executable, "-m", "suite.cli.main", *arguments]
    return [sys.executable, "-c", _OURS, str(cases / CONFIG.name), *arguments]


def write_cases(folder: Path, text: str) -> Path:
    """A folder of cases with one file: ``mini/test_cases.py``."""
    cases = folder / "cases"
    (cases / "mini").mkdir(parents=True)
    (cases / "mini" / "test_cases.py").write_text(text)
    shutil.copy(CONFIG, cases)
    return cases


def run(argv: Argv, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end; both outputs are text."""
    return subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from a later one of the same number by when it began."""

    pid: int
    parent: int
    name: str
    began: int


def processes() -> list[Process]:
    """All processes that are not zombies."""
    return [found for entry in Path("/proc").glob("[0-9]*") if (found := _read(entry))]


def family(pid: int) -> list[Process]:
    """A process and all that descends from it."""
    everybody = processes()
    kin = {pid}
    while len(grown := kin | {p.pid for p in everybody if p.parent in kin}) > len(kin):
        kin = grown
    return [p for p in everybody if p.pid in kin]


def survivors(earlier: list[Process]) -> list[Process]:
    """Those that still run."""
    known = {(p.pid, p.began) for p in earlier}
    return [p for p in processes() if (p.pid, p.began) in known]


def _read(entry: Path) -> Process | None:
    try:
        text = (entry / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    state, parent, *fields = text[text.rindex(")") + 2 :].split()
    return None if state in "ZX" else Process(int(entry.name), int(parent), name, int(fields[17]))


def wait_until(true: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Poll until something is true."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Running:
    """landproof while it runs, and afterwards."""

    def __init__(self, popen: subprocess.Popen[str], folder: Path) -> None:
        self.popen = popen
        self.folder = folder
        self._outputs: tuple[str, str] | None = None

    def family(self, name: str = "") -> list[Process]:
        """Its processes whose name begins so."""
        return [p for p in family(self.popen.pid) if p.name.startswith(name)]

    def left(self) -> list[Process]:
        """What runs with its environment, whoever the parent is: all but local agents."""
        return marked(self.folder)

    def wait(self, seconds: float = PATIENCE_S) -> tuple[int, str, str]:
        """Its exit code and both outputs."""
        if self._outputs is None:
            self._outputs = self.popen.communicate(timeout=seconds)
        return self.popen.returncode, *self._outputs

    @property
    def results(self) -> Results:
        """The results file that it has written."""
        return load(self.folder / "results.json")

    def cases(self, target: str) -> dict[str, CaseRecord]:
        """The records of a target by row."""
        found = next(t for t in self.results.targets if t.name == target)
        return {case.id.partition("[")[2].removesuffix("]"): case for case in found.cases}

    def verdicts(self, target: str) -> dict[str, str]:
        """The verdicts of a target by row."""
        return {row: str(case.verdict) for row, case in self.cases(target).items()}


def marked(folder: Path) -> list[Process]:
    """All processes that carry the mark of a folder in their environment."""
    mark = f"{MARK}={folder}\0".encode()
    return [p for p in processes() if mark in _environment(p)]


def _environment(process: Process) -> bytes:
    try:
        return Path(f"/proc/{process.pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


@contextmanager
def running(folder: Path, *arguments: str, cases: Path) -> Iterator[Running]:
    """Start landproof as a shell does, the leader of a process group; results in the folder."""
    argv = landproof(*arguments, f"--results={folder / 'results.json'}", cases=cases)
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A landproof that is killed leaves its temporary files: here, not on the machine.
        env={**os.environ, MARK: str(folder), "TMPDIR": str(folder)},
    ) as popen:
        run = Running(popen, folder)
        try:
            yield run
        finally:
            for process in {*run.family(), *run.left()}:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)


def plain(shown: str) -> str:
    """The lines that a terminal has shown, one after the other."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")


def in_terminal(
    argv: Argv, env: Mapping[str, str], until: str, typed: bytes = b""
) -> tuple[int, str]:
    """Run in a terminal of 80 columns, interrupt when it shows a line: exit code and all shown.

    What is ``typed`` is there from the beginning.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    shown, interrupted, limit = "", False, time.monotonic() + PATIENCE_S
    with subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, **env},
        start_new_session=True,
    ) as popen:
        os.close(slave)
        os.write(master, typed)
        # Linux says by an error that a terminal's last user has gone.
        with suppress(OSError):
            while select.select([master], [], [], max(0, limit - time.monotonic()))[0]:
                shown += os.read(master, 65536).decode(errors="replace")
                if not interrupted and re.search(until, plain(shown)):
                    interrupted = True
                    os.killpg(popen.pid, signal.SIGINT)
        os.close(master)
        return popen.wait(PATIENCE_S), shown
