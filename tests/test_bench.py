# SPDX-License-Identifier: MIT
"""The benchmark: what is compared is taken in turns, and nothing is told on a busy machine."""

import sys
from pathlib import Path

import pytest

from suite.cli import bench, steady
from suite.cli.steady import Ticks, crowded, robbed, ticks
from suite.cli.timing import LANDPROOF, Pair, paired, timed
from suite.errors import Exit, InfrastructureError
from tests.kernels import stored

QUIET = "cpu  100 0 100 9800 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
"""The beginning of /proc/stat."""


def test_the_columns_of_proc_stat() -> None:
    # user nice system idle iowait irq softirq steal guest guest_nice: proc(5)
    assert ticks("cpu  1 2 4 8 16 32 64 128 256 512\n") == Ticks(1 + 2 + 4 + 32 + 64, 128, 255)
    assert ticks("cpu  9 9 9 9 9 9 9 9 9 9\n") - ticks("cpu 8 8 8 8 8 8 8 8 8 8\n") == Ticks(
        5, 1, 8
    )


@pytest.mark.parametrize(
    ("busy", "stolen", "said"),
    [
        (0, 0, ""),
        (190, 10, ""),
        (180, 20, "10% of the processor time was stolen (at most 5%)"),
        (0, 9, "100% of the processor time was stolen (at most 5%)"),
    ],
)
def test_what_is_stolen_is_a_share_of_what_was_wanted(busy: int, stolen: int, said: str) -> None:
    assert robbed(Ticks(busy, stolen, 10_000)) == said


def test_others_may_not_use_more_than_a_tenth() -> None:
    assert crowded(Ticks(20, 0, 200)) == ""
    assert crowded(Ticks(30, 0, 200)) == "others use 15% of the processors (at most 10%)"


@pytest.fixture
def stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc/stat of our own, on which nothing happens."""
    file = tmp_path / "stat"
    file.write_text(QUIET)
    monkeypatch.setattr(steady, "_STAT", file)
    monkeypatch.setattr(steady, "_PAUSE_S", 0.0)
    return file


def test_a_steady_machine_gives_its_figures(stat: Path) -> None:
    assert stat.exists()
    assert steady.measured("boots", lambda: ["one"]) == ["one"]


def test_stolen_time_refuses_the_figures(
    stat: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: bench.Bench) -> list[str]:
        stat.write_text(QUIET.replace("9800 0 0 0 0", "9800 0 0 0 50"))
        return ["a figure"]

    monkeypatch.setattr(bench, "FIGURES", {"boots": measure})
    monkeypatch.setattr(sys, "argv", ["bench"])
    assert bench.main() == Exit.INFRASTRUCTURE
    said = capsys.readouterr()
    assert said.out == ""
    assert "boots: 100% of the processor time was stolen (at most 5%)" in said.err
    stat.write_text(QUIET)
    monkeypatch.setattr(sys, "argv", ["bench", "--anyway"])
    assert bench.main() == 0
    assert "a figure" in capsys.readouterr().out


def test_pairs_are_taken_in_turns() -> None:
    order: list[str] = []
    seconds = iter([1.0, 10.0, 20.0, 2.0, 9.0, 90.0])

    def side(name: str) -> float:
        order.append(name)
        return next(seconds)

    pair = paired(lambda: side("ours"), lambda: side("other"), 3)
    assert order == ["ours", "other", "other", "ours", "ours", "other"]
    assert pair == Pair((1.0, 2.0, 9.0), (10.0, 20.0, 90.0))
    assert pair.ratio == pytest.approx(0.1)
    assert " ".join(pair.line("what", "it").split()) == "what 2.00 s over 20.0 s (it): 0.10"


def test_a_command_that_fails_gives_no_figure() -> None:
    assert timed([sys.executable, "-c", "raise SystemExit(1)"], {1}) > 0
    with pytest.raises(InfrastructureError, match="ended with 3: too bad"):
        timed([sys.executable, "-c", "import sys; print('too bad', file=sys.stderr); sys.exit(3)"])


def test_unknown_figures_are_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "moon"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == Exit.USAGE
    assert "no such figures: moon; there are start, collection" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["start", "collection", "local"])
def test_figures_of_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that one of them is about has fewer cases here."""
    if name == "local":
        monkeypatch.setattr(bench, "LANDPROOF", (*LANDPROOF, "check", "-k", "claims"))
    lines = bench.FIGURES[name](bench.Bench("7.3", rounds=1))
    for line in lines:
        assert float(line.rpartition(":")[2]) > 0, line


@pytest.mark.vm
@pytest.mark.timeout(600)
def test_a_matrix_with_saved_machines_over_one_that_boots(monkeypatch: pytest.MonkeyPatch) -> None:
    stored("7.3")
    monkeypatch.setattr(bench, "_MATRICES", {"few": ("-k", "claims/scopes")})
    few, starts, _ = bench.Bench("7.3", 1, "7.3").matrix()
    assert float(few.rpartition(":")[2]) > 0
    assert starts.endswith(" booted")
