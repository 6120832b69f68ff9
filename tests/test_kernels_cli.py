# SPDX-License-Identifier: MIT
"""``landproof kernels``: what it prints where, and its exit codes."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.cli.kernels import add_parser
from suite.errors import Exit, LandproofError
from tests.fake_archive import Archive, Key, direct, missing_tools
from vm.tools import UnreachableError

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

Run = Callable[..., int]


@pytest.fixture
def archive(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    for name, value in direct(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("NO_COLOR", "1")
    with Archive(tmp_path / "www", key) as archive:
        archive.add_image("trixie", "6.12.9+deb13-cloud-amd64", "6.12.9-1")
        archive.add_image("trixie", "6.12.43+deb13-cloud-amd64", "6.12.43-1")
        archive.add_image("trixie", "6.12.43+deb13-rt-amd64", "6.12.43-1")
        archive.add_split("trixie-backports", "7.0.4-cloud-amd64", "7.0.4-1", parts=())
        archive.publish()
        yield archive


@pytest.fixture
def run(archive: Archive, key: Key) -> Run:
    def run(verb: str, *arguments: str) -> int:
        parser = argparse.ArgumentParser(prog="landproof")
        add_parser(parser.add_subparsers())
        of_archive = ("--mirror", archive.url, "--keyring", str(key.keyring))
        parsed = parser.parse_args(
            ["kernels", verb, *arguments, *(of_archive if verb != "prune" else ())]
        )
        handler: Callable[[argparse.Namespace], int] = parsed.handler
        return handler(parsed)

    return run


def test_list_shows_the_newest_of_each_series(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("fetch", "6.12.43", "6.12+rt-amd64")
    capsys.readouterr()
    assert run("list") == Exit.CONFORMS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "name", "release", "version", "suite", "size", "stored", "saved", "note",
    ]  # fmt: skip
    assert [line.split()[:4] for line in lines[2:]] == [
        ["6.12", "6.12.43+deb13-cloud-amd64", "6.12.43-1", "trixie"],
        ["6.12+rt-amd64", "6.12.43+deb13-rt-amd64", "6.12.43-1", "trixie"],
        ["7.0", "7.0.4-cloud-amd64", "7.0.4-1", "trixie-backports"],
    ]
    assert "yes" in lines[2]
    assert "yes" in lines[3]
    assert "yes" not in lines[4]
    assert "no modules" in lines[4]


def test_list_of_all_builds_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--all", "--json") == Exit.CONFORMS
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["6.12.9", "6.12.43", "7.0.4"]
    assert rows[0].keys() == {
        "name", "release", "version", "flavour", "suite", "size", "stored", "saved",
        "modules",
    }  # fmt: skip
    assert rows[0]["size"] > 0
    assert run("list", "--flavour", "rt-amd64", "--json") == Exit.CONFORMS
    assert [row["flavour"] for row in json.loads(capsys.readouterr().out)] == ["rt-amd64"]


def test_fetch_prints_kernels_to_stdout_and_progress_to_stderr(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fetch", "6.12", "6.12+rt-amd64") == Exit.CONFORMS
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()[2:]] == [
        "6.12.43+deb13-cloud-amd64",
        "6.12.43+deb13-rt-amd64",
    ]
    assert err.splitlines()[0] == "6.12: package index"
    assert "6.12+rt-amd64: download (" in err
    assert "\x1b" not in out + err
    assert run("fetch", "6.12", "--json") == Exit.CONFORMS
    out, err = capsys.readouterr()
    (row,) = json.loads(out)
    assert Path(row["path"]).is_file()
    assert err == ""


def test_fetch_goes_on_after_a_kernel_that_fails(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fetch", "9.9", "6.12") == Exit.USAGE
    out, err = capsys.readouterr()
    assert "9.9: no cloud-amd64 kernel '9.9'; there are: 6.12, 7.0" in err.splitlines()
    assert "6.12.43+deb13-cloud-amd64" in out


def test_fetch_of_the_default_set_says_what_is_missing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fetch") == Exit.USAGE
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["6.12", "7.0"]
    assert len([line for line in err.splitlines() if "there are" in line]) == 9


def test_fetch_of_one_kernel_raises_its_error(run: Run) -> None:
    with pytest.raises(LandproofError) as caught:
        run("fetch", "9.9")
    assert caught.value.exit == Exit.USAGE


def test_fetch_without_a_network_stops_at_once(run: Run, archive: Archive) -> None:
    archive.close()
    with pytest.raises(UnreachableError):
        run("fetch", "6.12", "7.0")


def test_prune_removes_what_newer_builds_supersede(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("fetch", "6.12.9", "6.12.43", "7.0")
    capsys.readouterr()
    assert run("prune", "--json") == Exit.CONFORMS
    removed = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in removed] == ["6.12.9+deb13-cloud-amd64"]
    assert removed[0]["freed"] > 0
    assert run("prune", "--keep", "6.12") == Exit.CONFORMS
    assert "7.0.4-cloud-amd64" in capsys.readouterr().out
    assert run("prune", "--all") == Exit.CONFORMS
    out = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in out[2:]] == [
        "6.12.43+deb13-cloud-amd64", "package index", "total",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [["prune", "--all", "--keep", "6.12"], ["fetch", "--flavour", "big"], ["list", "6.12"]],
)
def test_options_that_make_no_sense_are_refused(run: Run, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*wrong)
    assert caught.value.code == Exit.USAGE
