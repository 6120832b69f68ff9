# SPDX-License-Identifier: MIT
"""How much of the kernel's own Landlock code the cases reach.

``python -m suite.cli.gcov BUILD_TREE [-k EXPRESSION] [--why]``: runs the cases on the kernel
of a build tree, in a virtual machine, and leaves its counters (.gcda) beside the .gcno. The tree
needs CONFIG_GCOV_KERNEL=y, CONFIG_DEBUG_FS=y, and ``GCOV_PROFILE := y`` in
security/landlock/Makefile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reports.ending import Terms, judged
from suite.cli.outlet import put_table
from suite.cli.run import run
from suite.cli.unreached import reason
from suite.distribution import lacking
from suite.errors import Exit, InfrastructureError, LandproofError, UsageError
from suite.judge.records import Verdict
from suite.process.process import Process
from suite.process.uapi import CLONE_NEWNS
from suite.targets.base import Ground
from suite.targets.schemes import Scheme
from suite.values import Out
from vm.local import path_kernel
from vm.target import VmTarget

SCHEME = "gcov:"
_CODE = Path("security/landlock")
_CHUNK = 1 << 16
_REACHABLE = "reachable lines", "reachable branches"
"""Without warnings, and without what happens where memory runs out."""
_WARNING = re.compile(r"\bWARN(_ON)?(_ONCE)?\(")


class GcovTarget(VmTarget):
    """The machine of a build tree; its counters are kept when it is taken down."""

    def __init__(self, tree: Path, accelerator: str | None) -> None:
        super().__init__(f"{SCHEME}{tree}", path_kernel(f"path:{tree}"), accelerator)
        self._tree = tree
        self._ground: Ground | None = None

    def start(self) -> Ground:
        """Boot and prepare the guest."""
        self._ground = super().start()
        return self._ground

    def reached(self) -> frozenset[tuple[str, int]]:
        """What was run since it started: the words of each file of counters that are not 0.

        Some are no counters, but are never 0, and so are reached from the first time on.
        """
        return frozenset(
            (counters.name, number)
            for counters, data in self._counters()
            for number, (word,) in enumerate(struct.iter_unpack("<I", data))
            if word
        )

    def _counters(self) -> Iterator[tuple[Path, bytes]]:
        """Each file of counters, where it belongs in the tree, and what it holds now."""
        assert self._ground  # noqa: S101 (it has started)
        with self._ground.session.scope():
            process = self._ground.root.fork()
            folder = self._ground.place
            process.unshare(CLONE_NEWNS)
            process.mount("debugfs", folder, "debugfs")
            for notes in (self._tree / _CODE).glob("*.gcno"):
                counters = notes.with_suffix(".gcda")
                yield counters, b"".join(_chunks(process, f"{folder}/gcov{counters}"))

    def stop(self) -> None:
        """Take the counters, unless the machine died, and end QEMU."""
        try:
            if self._ground:
                for counters, data in self._counters():
                    counters.write_bytes(data)
        except LandproofError as error:
            sys.stderr.write(f"no counters: {error}\n")
        finally:
            self._ground = None
            super().stop()


class Gcov(Scheme):
    """``gcov:BUILD_TREE``; its options are those of ``vm:``."""

    usage = f"{SCHEME}BUILD_TREE"

    def make(self, name: str, config: pytest.Config) -> GcovTarget:
        """The machine of this build tree."""
        return GcovTarget(Path(name.removeprefix(SCHEME)), config.getoption("accel"))


def _chunks(process: Process, path: str) -> Iterator[bytes]:
    fd = process.open(path, os.O_RDONLY)
    while True:
        call = process.syscall("read", fd, Out(_CHUNK), _CHUNK)
        if not call.value:
            return
        yield call.data[: call.value]


@dataclass(slots=True)
class Source:
    """What the counters say of one source file, over all that include it."""

    lines: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """How often each was run."""
    branches: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    """How often each was taken, by line and number."""

    def reachable(self, name: str, text: list[str]) -> Source:
        """It without what no call should have to reach: warnings, and where memory runs out."""
        warned = warnings("\n".join(text))

        def counts(number: int, count: int) -> bool:
            why = None if count else reason(name, text[number - 1])
            return number not in warned and not (why and why.left_out)

        lines = {line: n for line, n in self.lines.items() if counts(line, n)}
        branches = {(line, at): n for (line, at), n in self.branches.items() if counts(line, n)}
        return Source(lines, branches)


def sources(reports: Iterable[str]) -> dict[str, Source]:
    """Add up what gcov printed with --json-format, one document a line."""
    found: dict[str, Source] = defaultdict(Source)
    for report in reports:
        for file in json.loads(report)["files"]:
            name = os.path.normpath(file["file"])
            if Path(name).parent.parts[-2:] != _CODE.parts:
                continue
            source = found[Path(name).name]
            for line in file["lines"]:
                number = line["line_number"]
                source.lines[number] += line["count"]
                for index, branch in enumerate(line["branches"]):
                    source.branches[number, index] += branch["count"]
    return dict(sorted(found.items()))


def warnings(text: str) -> set[int]:
    """The lines, from 1, of all that is asked by WARN_ON_ONCE() and its like."""
    found: set[int] = set()
    for start in _WARNING.finditer(text):
        depth, at = 1, start.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        first = text.count("\n", 0, start.start()) + 1
        found.update(range(first, first + text.count("\n", start.start(), at) + 1))
    return found


def _gcov(tree: Path) -> list[str]:
    program = shutil.which("gcov")
    if program is None:
        raise InfrastructureError(lacking("gcov"))
    counters = [str(path.relative_to(tree)) for path in (tree / _CODE).glob("*.gcda")]
    if not counters:
        raise InfrastructureError(f"{tree}: no counters: was it built with GCOV_PROFILE := y?")
    command = [program, "--json-format", "--stdout", "--branch-probabilities", *counters]
    ran = subprocess.run(  # noqa: S603 - an argv list, no shell
        command, cwd=tree, check=True, capture_output=True, text=True
    )
    return ran.stdout.splitlines()


def _share(counts: Iterable[int]) -> str:
    known = list(counts)
    reached = sum(count > 0 for count in known)
    return f"{reached}/{len(known)} ({reached / len(known):.1%})" if known else "-"


def _rows(found: dict[str, Source], texts: dict[str, list[str]]) -> Iterator[list[str]]:
    """A row a file, and one of all of them."""
    counts = []
    for name, source in found.items():
        parts = source, source.reachable(name, texts[name])
        counts.append([it for part in parts for it in (part.lines, part.branches)])
        yield [name, *(_share(it.values()) for it in counts[-1])]
    columns = ([n for it in column for n in it.values()] for column in zip(*counts, strict=True))
    yield ["all", *map(_share, columns)]


def _unreached(name: str, source: Source, text: list[str], *, known: bool) -> Iterator[str]:
    """What was not reached: the lines whose reason is known, or the others."""
    warned = warnings("\n".join(text))
    for number, count in sorted(source.lines.items()):
        branches = [n for (line, _), n in source.branches.items() if line == number]
        line = text[number - 1]
        why = reason(name, line)
        if (count and all(branches)) or number in warned or known != bool(why):
            continue
        some = f"{sum(n > 0 for n in branches)}/{len(branches)} branches" if count else "never run"
        yield f"{name}:{number} {some}: {line.strip()}" + (f" -- {why.says}" if why else "")


def main() -> int:
    """Run the cases on a tree's kernel and print what they reached."""
    parser = argparse.ArgumentParser(prog="python -m suite.cli.gcov", description=main.__doc__)
    parser.add_argument("tree", type=Path, metavar="BUILD_TREE")
    parser.add_argument("-k", dest="select", metavar="EXPRESSION", help="only these cases")
    parser.add_argument("--why", action="store_true", help="print all that was not reached")
    options = parser.parse_args()
    try:
        return _measure(options.tree.resolve(), options.select, why=options.why)
    except LandproofError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit


def _measure(tree: Path, select: str | None, *, why: bool) -> int:
    if not (tree / _CODE).is_dir():
        raise UsageError(f"{tree} is no build tree of a kernel: it has no {_CODE}")
    code = (tree / "source" if (tree / "source").exists() else tree) / _CODE
    for stale in (tree / _CODE).glob("*.gcda"):
        stale.unlink()
    name = f"{SCHEME}{tree}"
    outcome = run([name], select=select)
    found = sources(_gcov(tree))
    texts = {name: (code / name).read_text().splitlines() for name in found}
    put_table(_rows(found, texts), ["file", "lines", "branches", *_REACHABLE])
    cases = outcome.results.targets[0].cases
    counts = {verdict: sum(case.verdict is verdict for case in cases) for verdict in Verdict}
    sys.stdout.write(", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) + "\n")
    for case in cases:
        # What is absent or unfixed went another way through the code than what conforms.
        if case.verdict is not Verdict.CONFORMS and case.verdict is not Verdict.SKIPPED:
            sys.stdout.write(f"{case.id}: {case.verdict}, {case.bug or case.reason}\n")
    for known in (True, False) if why else (False,):
        for name, source in found.items():
            for line in _unreached(name, source, texts[name], known=known):
                sys.stdout.write(f"{line}\n")
    if outcome.interrupted:
        return Exit.INTERRUPTED
    return judged(outcome.results, Terms()).code


if __name__ == "__main__":
    raise SystemExit(main())
