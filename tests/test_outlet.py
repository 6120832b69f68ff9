# SPDX-License-Identifier: MIT
"""No text of others acts on a terminal or commands a CI service, whatever the message or format."""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reports.diff import compare
from reports.render import Style, formats, render, render_diff
from reports.results import parse
from suite.cli import kernels, outlet
from suite.cli.outlet import guard, guarded_errors, tell
from suite.cli.report import emit
from suite.judge.records import Results
from tests.runs import landproof, run
from vm.source import LOG

FILE = Path(__file__).parent / "data" / "results" / "v2.json"
HOSTILE = {
    "github": "\n::error file=x::owned\n  ::set-output name=a::b\n::add-mask::x\n::stop::y\n",
    "github-old": "##[error]owned ##[set-env name=a]b",
    "azure": "##vso[task.setvariable variable=a]b",
    "teamcity": "\n##teamcity[publishArtifacts '/etc']\n",
    "gitlab": "section_start:1:x[collapsed=true]\r\x1b[0Kowned\nsection_end:1:x\r\x1b[0K",
    "terminal": "\x1b]0;title\x07\x1b[2J\x1b[31m\x1bc\x1bP+q\x1b\\\x08\x7f\x00\r\x0b\x0c",
    "c1": "\x9b2J\x90q\x9c\x85",
    "directions": "\u202e\u2066\u200b\ufeff\u2028\u2029\U000e0041",
    "surrogate": "\udcff",
    "markup": "[bold]x[/bold] </script><script>alert(1)</script> ]]> | ` %0A \\u001b ::error::z",
}
_TAGS = {"verdict", "outcome", "errno", "started"}
"""Members of a results file that may not be just anything."""
_COMMAND = re.compile(r"^[ \t]*::[A-Za-z][^\n]*", re.MULTILINE)
_ANYWHERE = re.compile(r"##\[|##vso\[|##teamcity\[|section_(?:start|end):")
_OURS = re.compile(r"::(?:error|warning|notice) title=[^\n]*::")


def infected(value: object, hostile: Callable[[str], str], key: str = "") -> object:
    """A document with every string in it turned hostile."""
    if isinstance(value, dict):
        return {name: infected(it, hostile, name) for name, it in value.items()}
    if isinstance(value, list):
        return [infected(it, hostile, key) for it in value]
    return hostile(value) if isinstance(value, str) and key not in _TAGS else value


def results(text: str, *, first: bool) -> Results:
    """A file whose strings begin or end so; surrogates are in none, for JSON has none."""
    whole = text.encode("utf-8", "ignore").decode()
    document = json.loads(FILE.read_bytes())
    changed = infected(document, lambda old: whole + old if first else old + whole)
    return parse(json.dumps(changed).encode(), "hostile")


def assert_calm(text: str, *, commands: bool = False) -> None:
    acting = {it for it in text if unicodedata.category(it) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert acting <= {"\n", "\t"}
    assert not _ANYWHERE.search(text)
    found = _COMMAND.findall(text)
    assert all(commands and _OURS.match(line) for line in found), found


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_format_is_calm(text: str, first: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = results(text, first=first)
    other = results("", first=True)
    for old, new in zip(other.targets, run.targets, strict=True):
        old.name = new.name
    difference = compare(other, run, before=guard(text), after=guard(text))
    for name, entry in formats().items():
        emit(render(run, name), None, name)
        written = capsys.readouterr().out
        assert_calm(written, commands=entry.commands)
        if name in ("json", "kcidb", "compat", "badge-shields"):
            assert json.loads(written)
        if name == "junit":
            assert ElementTree.fromstring(written).tag  # noqa: S314 (our own)
        if entry.diff:
            emit(render_diff(difference, name), None, name)
            assert_calm(capsys.readouterr().out, commands=entry.commands)


def test_json_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(HOSTILE.values()).encode("utf-8", "ignore").decode()
    rendered = render(results(text, first=True), "json")
    emit(rendered, None, "json")
    assert json.loads(capsys.readouterr().out) == json.loads(rendered)


def test_calm_text_stays_as_it_is() -> None:
    run = results("", first=True)
    for name, entry in formats().items():
        text = render(run, name)
        assert guard(text, commands=entry.commands) == text, name


def test_a_file_is_as_calm(tmp_path: Path) -> None:
    emit(render(results(HOSTILE["github"], first=True), "html"), tmp_path / "out", "html")
    assert_calm((tmp_path / "out").read_text())


def test_colours_are_ours_and_nobody_elses() -> None:
    text = render(results("\x1b[2Jx", first=True), "terminal", Style(colour=True))
    shown = guard(text, colours=True)
    assert set(re.findall(r"\x1b.[^A-Za-z]*[A-Za-z]?", shown)) <= set(
        re.findall(r"\x1b\[[0-9;]*m", shown)
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_writes_to_standard_error_is_calm(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(kept, encoding="utf-8"))
    with guarded_errors():
        print("begun ", end="", file=sys.stderr)
        print(text, file=sys.stderr)
        # In pieces, as print() writes what it is given.
        print("", *text, sep="", file=sys.stderr)
        tell(text)
    assert_calm(kept.getvalue().decode())
    assert not kept.closed


def test_a_command_is_none_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(kept, encoding="utf-8"))
    with guarded_errors():
        for piece in (":", ":", "error", "::x", "\n", "#", "#[x]"):
            sys.stderr.write(piece)
    assert kept.getvalue() == rb"\u003a:error::x" + b"\n" + rb"\u0023#[x]"


def test_errors_that_quote_names_are_calm(tmp_path: Path) -> None:
    name = "\x1b[2J\n::error::x\n##vso[x]"
    for words in (["report", f"{tmp_path}/{name}"], ["check", f"--target={name}"], [f"--{name}"]):
        done = run(landproof(*words))
        assert_calm(done.stderr)
        assert "error" in done.stderr
        assert done.returncode == 2


def test_a_warning_of_the_store_is_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(outlet, "print", lambda text, **_: said.append(text), raising=False)
    handler = next(it for it in LOG.handlers if isinstance(it, kernels.Told))
    handler.handle(LOG.makeRecord("x", 30, "x", 1, "apt said %s", ("\x1b[2J\n::error::x",), None))
    assert_calm(said[0])
    assert said[0].startswith("apt said ")
