# SPDX-License-Identifier: MIT
"""Several results files as one: what is refused, and by which name."""

from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.ending import Terms, judged
from reports.merge import lacking, merge
from reports.results import encode, load, save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.records import Part, Results, Sharding, TargetRecord, Verdict
from tests.report_miniatures import run, zoo

A, B, C = zoo().targets[:3]
IDS = [case.id for case in A.cases]


def other(target: TargetRecord) -> TargetRecord:
    """The target with another verdict of its first case."""
    first, *rest = target.cases
    return replace(target, cases=[replace(first, verdict=Verdict.BROKEN), *rest])


def part(target: TargetRecord, first: int, end: int) -> TargetRecord:
    return replace(target, cases=target.cases[first:end])


def shard(number: int, of: int, *targets: TargetRecord) -> Results:
    """One of the shards of a run on two kernels, each half of which a shard runs, in turns."""
    halves = [(0, 5), (5, len(IDS))]
    parts = [
        Part(shard=at % of + 1, target=name, first=first, end=end)
        for at, (name, (first, end)) in enumerate(product((A.name, B.name), halves))
    ]
    sharding = Sharding(shard=number, of=of, cases=IDS, parts=parts)
    return replace(run(*targets), sharding=sharding)


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


def test_a_case_twice_with_one_verdict_is_one() -> None:
    assert merge({"a": run(A), "b": run(A, B)}).targets == [A, B]


def test_shards_make_the_whole_run() -> None:
    shards = {
        "b": shard(2, 2, part(A, 5, len(IDS)), part(B, 5, len(IDS))),
        "a": shard(1, 2, part(A, 0, 5), part(B, 0, 5)),
    }
    merged = merge(shards)
    assert list(lacking(shards)) == []
    assert merged.sharding is None
    assert encode(replace(merged, seconds=0)) == encode(replace(run(A, B), seconds=0))


def test_the_cases_of_a_shard_that_never_came_are_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a kernel that others ran in part, and of one that nobody else ran."""
    shards = {"a": shard(1, 4, part(A, 0, 5)), "b": shard(2, 4, part(A, 5, len(IDS)))}
    merged = merge(shards)
    assert [target.name for target in merged.targets] == [A.name, B.name]
    assert merged.targets[0] == A
    assert {(it.verdict, it.reason) for it in merged.targets[1].cases} == {
        (Verdict.LOST, "shard 3/4 never came"),
        (Verdict.LOST, "shard 4/4 never came"),
    }
    assert [it.id for it in merged.targets[1].cases] == IDS
    assert judged(merged, Terms()).code == Exit.INFRASTRUCTURE
    for name, results in shards.items():
        save(tmp_path / name, results)
    files = [str(tmp_path / name) for name in shards]
    code = main(["merge", *files, "--results", str(tmp_path / "all.json")])
    assert code == Exit.INFRASTRUCTURE
    assert capsys.readouterr().err == (
        f"shard 3/4 never came: 5 cases of {B.name} are lost\n"
        f"shard 4/4 never came: {len(IDS) - 5} cases of {B.name} are lost\n"
    )
    assert len(load(tmp_path / "all.json").targets[1].cases) == len(IDS)


def test_what_a_kernel_that_did_not_come_up_was_to_run_is_lost_where_others_ran_it() -> None:
    down = TargetRecord(name=A.name, reason="the mirror is down")
    one, two = shard(1, 2, part(A, 0, 5), part(B, 0, 5)), shard(2, 2, down, part(B, 5, len(IDS)))
    merged = merge({"down": two, "up": one})
    assert merged.targets[0].facts == A.facts
    assert {it.reason for it in merged.targets[0].cases if it.verdict is Verdict.LOST} == {
        "the mirror is down"
    }
    assert len(merged.targets[0].cases) == len(IDS)
    nowhere = merge({"a": shard(1, 2, down), "b": shard(2, 2, down)})
    assert nowhere.targets[0] == down


REFUSED = {
    "versions": (
        [run(A), run(B), run(C, landproof="0.2.0")],
        "0.json was observed by landproof 0.1.0, 2.json by 0.2.0: run the cases of one of them",
    ),
    "kernels": (
        [run(A, B), run(C, replace(B, name=A.name))],
        f"target {A.name} is not the same kernel in 0.json (",
    ),
    "verdicts": (
        [run(B), run(C), run(other(B))],
        f"{B.cases[0].id} {B.cases[0].verdict} on {B.name} in 0.json, and broken in 2.json: leave ",
    ),
    "plans": (
        [shard(1, 2, A), shard(1, 3, B)],
        "0.json and 1.json are shards of different runs: run all shards with the same kernels, ",
    ),
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
