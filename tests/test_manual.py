# SPDX-License-Identifier: MIT
"""What is made from the parser for who types: the manual page, completions, help."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from suite.cli import verbs
from suite.cli.completion import SHELLS
from suite.errors import Exit
from tests import manual
from tests.runs import run

WIDTH = 80
"""Characters of the narrowest terminal that help is written for."""


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The whole command, its verbs, and theirs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from commands(verb)


def test_help_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    pages = {it.prog: it.format_help() for it in commands(verbs.whole())}
    assert {"landproof", "landproof matrix", "landproof kernels prune"} <= pages.keys()
    wide = [f"{it}: {line}" for it, page in pages.items() for line in page.splitlines()
            if len(line) > WIDTH]  # fmt: skip
    assert not wide


def test_every_verb_says_what_it_does() -> None:
    for parser in commands(verbs.whole()):
        assert parser.description, parser.prog
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                assert {it.dest for it in action._choices_actions if it.help} == {*action.choices}
            else:
                # What is behind "--" is what the description is about.
                assert action.help or action.dest == "command", (parser.prog, action.dest)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other Pythons wrap usages elsewhere")
def test_the_manual_page_is_the_parser() -> None:
    assert manual.PAGE.read_text(encoding="utf-8") == manual.page(), "nox -s manual writes it"


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("columns", [60, 80])
def test_groff_has_nothing_to_say_about_the_page(columns: int) -> None:
    done = run(["groff", "-man", "-ww", "-Tascii", f"-rLL={columns}n", str(manual.PAGE)])
    assert manual.PAGE.read_bytes().isascii()
    assert (done.returncode, done.stderr) == (0, "")
    assert "landproof check-tree" in done.stdout


# As readline calls it: the command, the word that is completed, and the one before.
BASH = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
function=$(complete -p landproof | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function landproof "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell in SHELLS:
        with redirect_stdout(StringIO()) as printed:
            assert verbs.handle(["completion", shell]) == Exit.CONFORMS
        (folder / shell).write_text(printed.getvalue())
    return folder


TYPED = {
    "verb": (["m"], ["matrix", "merge"]),
    "verb of a verb": (["kernels", "p"], ["prune"]),
    "option": (["matrix", "--ke"], ["--kernels", "--keyring"]),
    "choice": (["report", "--format", "k"], ["kcidb", "kselftest", "ktap"]),
    "argument": (["ci", "g"], ["github", "gitlab"]),
    "file": (["report", "res"], ["results.json"]),
    "folder": (["check-tree", "re"], ["results"]),
    "kernel": (["matrix", "--kernels", "6.12"], ["6.12"]),
    "one more kernel": (["matrix", "--kernels", "6.1,7."], ["6.1,7.0", "6.1,7.1"]),
}


def completed(argv: list[str], folder: Path) -> list[str]:
    done = subprocess.run(
        argv, cwd=folder, env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True,
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "results.json").touch()
    (tmp_path / "results").mkdir()
    return tmp_path


@pytest.mark.parametrize("typed", TYPED)
def test_bash_completes(typed: str, scripts: Path, files: Path) -> None:
    words, expected = TYPED[typed]
    argv = ["bash", "--norc", "-c", BASH, "bash", str(scripts / "bash"), "landproof", *words]
    assert set(expected) <= set(completed(argv, files))
    assert all(it.startswith(words[-1]) for it in completed(argv, files))


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize("typed", [it for it in TYPED if it != "one more kernel"])
def test_fish_completes(typed: str, scripts: Path, files: Path) -> None:
    words, expected = TYPED[typed]
    typed_line = " ".join(["landproof", *words])
    argv = ["fish", "--no-config", "-c", f"source {scripts}/fish; complete -C '{typed_line}'"]
    found = {line.partition("\t")[0].rstrip("/") for line in completed(argv, files)}
    assert set(expected) <= found


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_reads_the_script(scripts: Path) -> None:
    done = run(["zsh", "-f", "-n", str(scripts / "zsh")])
    assert (done.returncode, done.stderr) == (0, "")
    assert (scripts / "zsh").read_text().startswith("#compdef landproof\n")
