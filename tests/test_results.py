# SPDX-License-Identifier: MIT
"""Results files: what ``load`` refuses, and what ``save`` promises."""

import errno
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports.results import encode, load, parse, save, write
from suite.errors import InfrastructureError, UsageError
from tests.report_miniatures import run, zoo


def good() -> dict[str, Any]:
    """A small well-formed file, to be spoilt."""
    case = {"id": "fs/a[b]", "verdict": "conforms", "observed": {"outcome": "allowed", "value": 3}}
    return {
        "schema": 2,
        "landproof": "0.1.0",
        "started": "2026-11-21T10:00:00Z",
        "seconds": 1.5,
        "targets": [{"name": "vm:a", "cases": [case]}, {"name": "vm:b"}],
    }


def without(field: str) -> bytes:
    return json.dumps({key: value for key, value in good().items() if key != field}).encode()


def spoilt(change: Callable[[dict[str, Any]], object]) -> bytes:
    content = good()
    change(content)
    return json.dumps(content).encode()


MALFORMED = {
    "empty": (b"", "FILE is empty: not a results file"),
    "blank": (b" \n", "FILE is empty: not a results file"),
    "not-json": (b"<html>", "FILE is not JSON: JSON is malformed: invalid character (byte 0)"),
    "binary": (b"\x7fELF\x00\xff", "FILE is not JSON: JSON is malformed"),
    "cut-short": (
        json.dumps(good()).encode()[:-20],
        "FILE is not JSON: Input data was truncated",
    ),
    "nested": (
        b'{"schema": 2, "x": ' + b"[" * 100_000,
        "FILE is not JSON: maximum recursion depth",
    ),
    "list": (b"[]", "FILE is not a results file: Expected `object`, got `array`"),
    "null": (b"null", "FILE is not a results file: Expected `object`, got `null`"),
    "other-json": (
        b'{"a": 1}',
        "FILE is not a results file: Object missing required field `schema`",
    ),
    "schema-type": (
        spoilt(lambda it: it.update(schema="1")),
        "FILE is not a results file: Expected `int`, got `str` - at `$.schema`",
    ),
    "newer": (
        spoilt(lambda it: it.update(schema=3)),
        "FILE was written by a newer landproof (schema 3, this one reads 2): update landproof",
    ),
    "newer-and-different": (b'{"schema": 7, "runs": {}}', "FILE was written by a newer landproof"),
    "older": (
        spoilt(lambda it: it.update(schema=0)),
        "FILE was written by an older landproof (schema 0, this one reads 2): run the cases again",
    ),
    "missing-field": (
        without("started"),
        "FILE is malformed: Object missing required field `started`",
    ),
    "missing-deep": (
        spoilt(lambda it: it["targets"][0]["cases"][0].pop("verdict")),
        "FILE is malformed: Object missing required field `verdict` - at `$.targets[0].cases[0]`",
    ),
    "wrong-type": (
        spoilt(lambda it: it["targets"][1].update(name=7)),
        "FILE is malformed: Expected `str`, got `int` - at `$.targets[1].name`",
    ),
    "wrong-verdict": (
        spoilt(lambda it: it["targets"][0]["cases"][0].update(verdict="passed")),
        "FILE is malformed: Invalid enum value 'passed' - at `$.targets[0].cases[0].verdict`",
    ),
    "wrong-outcome": (
        spoilt(lambda it: it["targets"][0]["cases"][0].update(expected={"outcome": "maybe"})),
        "FILE is malformed: Invalid value 'maybe' - at `$.targets[0].cases[0].expected.outcome`",
    ),
    "no-errno": (
        spoilt(
            lambda it: it["targets"][0]["cases"][0].update(
                control={"outcome": "denied", "errno": "no error"}
            )
        ),
        "FILE is malformed: 'no error' is no errno - at `$.targets[0].cases[0].control`",
    ),
    "not-utf-8": (
        json.dumps(good()).encode().replace(b"vm:a", b"vm:\xff"),
        "FILE is malformed: ",  # the rest is msgspec's, and changed with 0.23
    ),
    "no-target": (
        spoilt(lambda it: it.update(targets=[])),
        "FILE holds no target: nothing ran",
    ),
    "target-twice": (
        spoilt(lambda it: it["targets"][1].update(name="vm:a")),
        "FILE holds target 'vm:a' twice",
    ),
    "case-twice": (
        spoilt(lambda it: it["targets"][0]["cases"].append(it["targets"][0]["cases"][0])),
        "FILE holds case 'fs/a[b]' of target 'vm:a' twice",
    ),
}


@pytest.mark.parametrize(("data", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_files_are_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(data, "FILE")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(MALFORMED.keys() - {"newer", "older", "no-errno"}))
def test_one_of_schema_1_is_refused_in_the_same_words(name: str) -> None:
    data, message = MALFORMED[name]
    with pytest.raises(UsageError) as caught:
        parse(data.replace(b'"schema": 2', b'"schema": 1'), "FILE")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(targets=7),
        lambda it: it["targets"].append(7),
        lambda it: it["targets"][0].update(cases=7),
        lambda it: it["targets"][0]["cases"].append(7),
        lambda it: it["targets"][0]["cases"][0].update(observed=7),
    ],
    ids=["targets", "target", "cases", "case", "outcome"],
)
def test_one_of_schema_1_and_of_another_shape_is_refused(
    change: Callable[[dict[str, Any]], object],
) -> None:
    data = spoilt(change).replace(b'"schema": 2', b'"schema": 1')
    with pytest.raises(UsageError, match=r"^FILE is malformed: Expected `\w+.*`, got `int`"):
        parse(data, "FILE")


def test_the_well_formed_file_is_read() -> None:
    assert [target.name for target in parse(json.dumps(good()).encode(), "FILE").targets] == [
        "vm:a",
        "vm:b",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [("gone.json", "No such file or directory"), (".", "Is a directory")],
)
def test_unreadable_files_are_refused(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^cannot read .*: {message}$"):
        load(tmp_path / path)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "results.json", zoo())
    assert encode(load(tmp_path / "results.json")) == encode(zoo())


def test_the_order_of_cases_does_not_matter_and_that_of_targets_does() -> None:
    mixed = run(*(replace(target, cases=target.cases[::-1]) for target in zoo().targets))
    assert encode(mixed) == encode(zoo())
    assert encode(run(*zoo().targets[::-1])) != encode(zoo())


def test_a_results_file_is_pretty_and_ends_a_line() -> None:
    text = encode(zoo()).decode()
    assert text.startswith('{\n  "schema": 2,\n  "landproof": "0.1.0",\n')
    assert text.endswith("}\n")


def test_unicode_survives(tmp_path: Path) -> None:
    target = replace(zoo().targets[0], name="vm:ядро-漢字")
    save(tmp_path / "файл.json", run(target))
    assert load(tmp_path / "файл.json").targets[0].name == "vm:ядро-漢字"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 bytes: the nearest thing to a full disk without root.

    For as short as can be: the report of the tests may go to a file as well.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    results = zoo()
    kept = pytest.raises(InfrastructureError, match=r"File too large; the old file is kept$")
    with kept, full_disk():
        save(path, results)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["results.json"]  # noqa: PTH208 (hidden files count)


def test_a_disk_that_is_full_only_at_fsync_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InfrastructureError, match=r"cannot write .*: No space left on device$"):
        save(tmp_path / "results.json", zoo())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [("gone/results.json", "No such file or directory"), (".", "Is a directory")],
)
def test_a_path_that_can_be_no_file_is_wrong_usage(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"cannot write .*: {message}$"):
        save(tmp_path / path, zoo())


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", b"text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"text"
    write(Path("/dev/null"), b"text")
    assert Path("/dev/null").is_char_device()


def test_results_can_be_shared(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        save(tmp_path / "results.json", zoo())
    finally:
        os.umask(mask)
    assert (tmp_path / "results.json").stat().st_mode & 0o777 == 0o644
