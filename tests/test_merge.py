# SPDX-License-Identifier: MIT
"""Several results files as one: what is refused, and by which name."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.merge import merge
from reports.results import load, save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.records import Results
from tests.report_miniatures import run, zoo

A, B, C = zoo().targets[:3]


def test_all_targets_from_the_first_start_on() -> None:
    # The same moment may be written in several ways: text does not sort as time does.
    first = replace(run(A), started="2026-11-21T12:00:00+05:00", seconds=1.25)
    second = replace(run(B, C), started="2026-11-21T08:30:00Z", seconds=2.5)
    merged = merge({"second": second, "first": first})
    assert [target.name for target in merged.targets] == [B.name, C.name, A.name]
    assert (merged.started, merged.seconds) == (first.started, 3.8)
    assert merged.landproof == first.landproof


def test_one_file_stays_as_it_is() -> None:
    assert merge({"a": zoo()}) == zoo()


REFUSED = {
    "versions": (
        [run(A), run(B), run(C, landproof="0.2.0")],
        "0.json was observed by landproof 0.1.0, 2.json by 0.2.0: run the cases of one of them",
    ),
    "targets": ([run(A, B), run(C, A)], f"target {A.name} is in 0.json and in 1.json"),
    "starts": (
        [run(A), replace(run(B), started="yesterday")],
        "1.json is malformed: started: Invalid isoformat string: 'yesterday'",
    ),
}


@pytest.mark.parametrize(("runs", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_belong_together_is_refused(runs: list[Results], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge({f"{number}.json": each for number, each in enumerate(runs)})
    assert str(caught.value).startswith(said)


def test_merge_writes_a_results_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "a.json", run(A))
    save(tmp_path / "b.json", run(B))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert main(["merge", *files, "--output", str(tmp_path / "all.json")]) == Exit.CONFORMS
    assert [it.name for it in load(tmp_path / "all.json").targets] == [A.name, B.name]
    assert main(["merge", *files]) == Exit.CONFORMS
    assert capsys.readouterr().out == (tmp_path / "all.json").read_text()


def test_a_truncated_file_is_named_in_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "a.json", run(A))
    cut = tmp_path / "cut.json"
    cut.write_bytes((tmp_path / "a.json").read_bytes()[:-40])
    output = tmp_path / "all.json"
    code = main(["merge", str(tmp_path / "a.json"), str(cut), "--output", str(output)])
    out, err = capsys.readouterr()
    assert (code, out) == (Exit.USAGE, "")
    assert err == f"landproof: {cut} is not JSON: Input data was truncated\n"
    assert not output.exists()


def test_a_file_named_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "a.json", run(A))
    assert main(["merge", str(tmp_path / "a.json"), str(tmp_path / "a.json")]) == Exit.USAGE
    assert capsys.readouterr().err == f"landproof: {tmp_path / 'a.json'} is named twice\n"
