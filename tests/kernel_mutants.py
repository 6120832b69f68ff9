# SPDX-License-Identifier: MIT
"""Which cases see a change of the kernel's own Landlock code.

``python -m tests.kernel_mutants SOURCE BUILD_TREE [-k EXPRESSION] [--only ID]``: makes each change
of ``tests/data/kernel_mutants.toml`` in a source tree, one after the other, builds User-Mode Linux
of it in the build tree (which is configured), runs the case on that which the list names, or those
that are asked for, and takes the change back. Before the first one, all of these run on the kernel
as it is. ``--page`` writes the list to ``docs/kernel_mutants.md`` instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reports.markdown import code, escape, table
from suite.cli.outlet import put
from suite.cli.run import run
from suite.errors import Exit, InfrastructureError, LandproofError, UsageError

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests/data/kernel_mutants.toml"
PAGE = ROOT / "docs/kernel_mutants.md"
CODE = Path("security/landlock")
_TOLD = 3
"""How many cases that see a change are named."""


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of one line: ``old``, which stands once in ``file``, becomes ``new``."""

    file: str
    old: str
    new: str
    why: str
    """Why it is subtle."""
    seen: str = ""
    """A case that sees it; empty while none is known."""

    @contextmanager
    def made(self, source: Path) -> Iterator[None]:
        """The source tree with this change, for a block.

        Raises:
            UsageError: The tree has no such line, or several.
        """
        path = source / CODE / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise UsageError(f"{path} has {text.count(self.old)} times, not once: {self.old!r}")
        path.write_text(text.replace(self.old, self.new))
        try:
            yield
        finally:
            path.write_text(text)


def mutants(path: Path = LIST) -> dict[str, Mutant]:
    """The list, by id."""
    return msgspec.convert(tomllib.loads(path.read_text())["mutants"], dict[str, Mutant])


def page() -> str:
    """The list as a page."""
    rows = (
        [code(name), it.file, escape(it.why), escape(it.seen)] for name, it in mutants().items()
    )
    head = PAGE.read_text().partition("\n| ")[0].rstrip()
    return f"{head}\n\n{table(['change', 'file', 'why it is subtle', 'seen by'], rows)}\n"


def _build(source: Path, tree: Path, name: str) -> str:
    """Build the kernel; it is kept where no later build overwrites it. Its name as a target."""
    command = ["make", "ARCH=um", f"O={tree}", f"-j{os.cpu_count()}", "linux"]
    done = subprocess.run(command, cwd=source, check=False, capture_output=True, text=True)
    if done.returncode:
        raise InfrastructureError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    program = tree / "mutants" / name
    program.parent.mkdir(exist_ok=True)
    shutil.copy2(tree / "linux", program)
    return f"uml:{program}"


def _failed(target: str, select: str) -> set[str]:
    """The cases that something is wrong with, the kernel's end included."""
    outcome = run([target], select=select)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return {case.id for case in outcome.results.targets[0].cases if case.verdict.bad}


def _told(found: set[str], listed: str) -> str:
    if not found:
        return "seen by no case"
    some = sorted(found - {listed})[: _TOLD - 1]
    first = [listed] if listed in found else [f"not by {listed or 'one that is listed'}"]
    return f"seen by {len(found)}: {', '.join(first + some)}"


def main() -> int:
    """Change the kernel's Landlock code a line at a time, and tell which cases see it."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel_mutants")
    parser.add_argument("trees", type=Path, nargs="*", metavar="SOURCE BUILD_TREE")
    parser.add_argument(
        "-k", dest="select", metavar="EXPRESSION", help="these cases, not those that are listed"
    )
    parser.add_argument("--only", action="append", metavar="ID", help="only this change")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.page:
        PAGE.write_text(page())
        return Exit.CONFORMS
    if len(options.trees) != 2:
        parser.error("give the source tree of Linux 7.3.4 and a build tree for ARCH=um")
    source, tree = (path.resolve() for path in options.trees)
    try:
        return _try(source, tree, options.select, options.only)
    except LandproofError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _try(source: Path, tree: Path, select: str | None, only: list[str] | None) -> int:
    listed = mutants()
    names = only or list(listed)
    if unknown := set(names) - set(listed):
        raise UsageError(f"no such change: {', '.join(sorted(unknown))}; they are in {LIST}")
    if not (source / CODE).is_dir():
        raise UsageError(f"{source} is no source tree of a kernel: it has no {CODE}")
    if not (tree / ".config").is_file():
        raise UsageError(f"{tree} is not configured: make ARCH=um O={tree} … in {source}")
    cases = {name: select or listed[name].seen for name in names}
    before = _failed(_build(source, tree, "none"), " or ".join(sorted({*cases.values()} - {""})))
    put(f"as it is: {len(before)} fail\n")
    unseen = 0
    for name in names:
        with listed[name].made(source):
            target = _build(source, tree, name)
        found = _failed(target, cases[name]) - before
        put(f"{name}: {_told(found, listed[name].seen)}\n")
        unseen += not found
    put(f"{len(names) - unseen} of {len(names)} were seen\n")
    return Exit.DEVIATES if unseen else Exit.CONFORMS


if __name__ == "__main__":
    raise SystemExit(main())
