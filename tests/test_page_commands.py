# SPDX-License-Identifier: MIT
"""Every command on every page: known, sensible, and run where that takes no kernel to boot.

A command of landproof that no row of `ROWS` is about is run as it stands, in a folder with the
files that pages name. A program of others needs a row of `tests.page_commands.OTHERS`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from reports.cost import document as cost_document
from reports.results import load, save
from suite.cli import collect, verbs
from suite.cli.main import main
from suite.cli.targets import choose
from suite.errors import Exit, LandproofError
from tests.cost_miniature import costs
from tests.page_commands import OTHERS, Command, Noted, Shell
from tests.pages import PAGES, ROOT, Block, blocks, spans
from tests.runs import landproof
from vm.store import Store

ENDS = (Exit.CONFORMS, Exit.DEVIATES, Exit.NO_LANDLOCK)
"""What the running kernel, whichever it is, may come to."""
CASES = "fs/truncate or history/tcp_fast_open"
"""Those that pages name."""
TARGETS = ("local", "vm:6.12", "vm:7.1", "vm:7.2", "vm:new")
"""Names of kernels that pages compare."""
SHARDS = ("shard-1.json", "shard-2.json")
PLACEHOLDER = "CASE"
"""What pages have in place of a case that is the reader's to choose."""
EXAMPLE = "fs/mkdir"
"""The file of cases that docs/add_a_case.md makes."""
EXAMPLES = ROOT / "docs" / "examples"
RUNS_CASES = {"check", "clients", "explain", "repro"}


@dataclass(frozen=True, slots=True)
class Row:
    """Commands that are not run as they stand."""

    of: Callable[[tuple[str, ...]], bool]
    """Whether words behind ``landproof`` are such a command."""
    why: str
    more: tuple[str, ...] | None = None
    """With which further words they are run; None if they are not."""


def verb_of(words: tuple[str, ...]) -> str:
    return words[0] if words and not words[0].startswith("-") else "check"


def is_elsewhere(words: tuple[str, ...]) -> bool:
    return any(it.startswith(("ssh:", "uml:", "vm:")) for it in words)


ROWS = {
    "example": Row(
        lambda words: EXAMPLE in words, "a case that a page has; tests/test_example.py runs it"
    ),
    "clients": Row(
        lambda words: words[:2] == ("clients", "run") and "local" in words,
        "each right in each mode takes ten seconds",
        ("-k", "claims/files[fs-truncate]"),
    ),
    "clients on kernels": Row(
        lambda words: words[:2] == ("clients", "run"), "boots kernels, and fetches clients"
    ),
    "boots": Row(
        lambda words: verb_of(words) in {"matrix", "run", "shell", "bisect", "check-tree"},
        "boots kernels; the tests of each verb do that with one kernel",
    ),
    "explores kernels": Row(
        lambda words: (
            verb_of(words) == "explore" and ("--kernels" in words or "vm:" in " ".join(words))
        ),
        "boots kernels; tests/test_explore.py plays on the running one",
    ),
    "explores": Row(
        lambda words: verb_of(words) == "explore",
        "all programs take minutes",
        ("--most", "1", "--relations", "0", "--no-model", "--state", "state"),
    ),
    "fuzzes kept programs": Row(
        lambda words: "7930dcd1" in words,
        "a program that was found; tests/test_fuzz_cli.py has one",
    ),
    "fuzzes kernels": Row(
        lambda words: verb_of(words) == "fuzz" and "--kernels" in words,
        "boots kernels; tests/test_fuzz.py has the running one",
    ),
    "fuzzes": Row(
        lambda words: verb_of(words) == "fuzz",
        "takes a minute",
        ("--most", "1", "--seconds", "1", "--database", "kept"),
    ),
    "costs": Row(
        lambda words: verb_of(words) == "cost" and "--show" not in words,
        "boots kernels, or takes a minute; tests/test_cost.py measures one call",
    ),
    "elsewhere": Row(is_elsewhere, "another machine; tests/test_ssh.py and test_uml.py have one"),
    "archive": Row(
        lambda words: verb_of(words) == "kernels",
        "asks an archive; tests/test_kernels_cli.py has one",
    ),
    "doctor": Row(
        lambda words: verb_of(words) == "doctor", "tries KVM; tests/test_doctor.py has answers"
    ),
    "digests": Row(
        lambda words: words[:2] == ("ci", "github"), "asks another machine for digests", ("--tags",)
    ),
    "all cases": Row(
        lambda words: verb_of(words) == "check" and "-k" not in words,
        "all cases take half a minute",
        ("-k", "fs/truncate"),
    ),
}
"""In the order in which they are asked."""
AS_IT_STANDS = Row(lambda _: True, "it boots nothing, and is quick", ())


def row_of(command: Command) -> str:
    return next((name for name, row in ROWS.items() if row.of(command.words)), "")


Told = dict[str, list[tuple[Block, Noted]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each block of each page starts; half a second for all."""
    folder = tmp_path_factory.mktemp("shell")
    shell = Shell(folder)
    found: Told = {page.name: [] for page in PAGES}
    for page in PAGES:
        for block in blocks(page, "sh"):
            desk = folder / f"{page.name}-{block.line}" / "checkout"
            shell.lay_out(desk)
            for name in SHARDS:
                (desk / name).touch()
            found[page.name].append((block, shell.run(block, desk)))
    return found


def commands(noted: Iterable[tuple[Block, Noted]]) -> list[Command]:
    """Those of landproof, each once."""
    return [*dict.fromkeys(it for _, what in noted for it in what.commands)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that pages name: results, of the running kernel under other names."""
    folder = tmp_path_factory.mktemp("desk")
    results = folder / "results.json"
    measure = landproof("check", "-k", CASES, "--results", str(results))
    done = subprocess.run(measure, check=False, cwd=folder, capture_output=True)
    assert done.returncode in ENDS
    measured = load(results)
    (here,) = measured.targets
    targets = [msgspec.structs.replace(here, name=name) for name in TARGETS]
    save(results, msgspec.structs.replace(measured, targets=targets))
    (folder / "results").mkdir()
    (folder / "costs.json").write_text(cost_document.json(costs()))
    for name in ("before.json", "after.json", "last.json", "results/one.json"):
        (folder / name).write_bytes(results.read_bytes())
    shutil.copytree(EXAMPLES, folder / "docs" / "examples")
    shutil.copy(EXAMPLES / "clients" / "minimal.py", folder)
    shutil.copy(EXAMPLES / "clients" / "minimal.toml", folder / "my-client.toml")
    for name, target in zip(SHARDS, targets, strict=False):
        save(folder / name, msgspec.structs.replace(measured, targets=[target]))
    return folder


@pytest.mark.parametrize("page", [it.name for it in PAGES])
def test_a_shell_understands_every_block(page: str, told: Told) -> None:
    for block, noted in told[page]:
        where = f"{block.page}:{block.line}"
        assert not noted.complaints, where
        assert noted.commands or noted.programs, where
        assert not noted.programs - OTHERS.keys(), where


def test_no_row_is_left_over(told: Told) -> None:
    everything = [it for of_page in told.values() for it in of_page]
    assert {name for _, noted in everything for name in noted.programs} == OTHERS.keys()
    assert {row_of(it) for it in commands(everything)} - {""} == ROWS.keys()


def fault_of(command: Command, store: Store) -> str:
    """What the parser, or whoever reads names of kernels and targets, says against it."""
    with redirect_stderr(StringIO()) as errors:
        try:
            given = verbs.parsed(command.words)
        except SystemExit:
            return errors.getvalue()
    names = getattr(given, "kernels", None) or []
    names = names.split(",") if isinstance(names, str) else names
    here = [it for it in names if it != "installed"]  # a machine may have none
    try:
        chosen = choose(getattr(given, "targets", None) or [], here, lambda: store)
        for name in chosen.kernels.values():
            store.check(name)
    except LandproofError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("page", [it.name for it in PAGES])
def test_every_command_makes_sense(page: str, told: Told, tmp_path: Path) -> None:
    store = Store(tmp_path)
    faults = {str(it): fault for it in commands(told[page]) if (fault := fault_of(it, store))}
    assert not faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_make_sense(page: Path) -> None:
    verbs_there = {name for it in verbs.whole()._actions for name in it.choices or ()}
    for span in spans(page):
        name, *words = span.replace("FORMAT", "json").split(" ")
        if name != "landproof" or "…" in span or words == ["--help"]:
            continue
        if len(words) == 1 and not words[0].startswith("-"):
            assert words[0] in verbs_there, span  # the verb as such is spoken of
        else:
            verbs.parsed(shlex.split(" ".join(words)))


def test_the_cases_that_pages_name_are_there(told: Told) -> None:
    given = [verbs.parsed(it.words) for of_page in told.values() for it in commands(of_page)]
    of_cases = [it for it in given if not getattr(it, "cost", False)]  # a call is no case
    chosen = {getattr(it, name, None) for it in of_cases for name in ("select", "case")}
    named = sorted(it for it in chosen if it and it not in (PLACEHOLDER, EXAMPLE))
    assert len(named) > 3
    assert not [it for it in named if not collect.ids(it)]


def run(words: list[str], shard: str, folder: Path) -> tuple[int, str, str]:
    """Exit code and both outputs of a command; the folder is the current one."""
    if verb_of(tuple(words)) in RUNS_CASES:
        # By a pytest of its own.
        done = subprocess.run(
            landproof(*words), cwd=folder, env={**os.environ, "LANDPROOF_SHARD": shard},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr
    with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as said:
        code = main(words)
    return code, printed.getvalue(), said.getvalue()


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, ...]]:
    """The commands that were run already: several pages name the same."""
    return set()


@pytest.mark.parametrize("page", [it.name for it in PAGES])
def test_what_boots_nothing_runs(
    page: str,
    told: Told,
    desk: Path,
    seen: set[tuple[str, ...]],
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "desk"  # commands write files
    shutil.copytree(desk, here)
    monkeypatch.chdir(here)
    for command in commands(told[page]):
        row = ROWS.get(row_of(command), AS_IT_STANDS)
        if row.more is None or command.words in seen:
            continue
        seen.add(command.words)
        code, printed, said = run([*command.words, *row.more], command.shard, here)
        assert code in ENDS, (str(command), said)
        assert not [line for line in said.splitlines() if line.startswith("landproof: ")]
        output = getattr(verbs.parsed(command.words), "output", None)
        assert printed or Path(output or "").read_text(), str(command)
