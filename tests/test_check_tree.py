# SPDX-License-Identifier: MIT
"""``landproof check-tree``: what git bisect run is told, and a bisection of a small repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite.cli import asking, check_tree, collect
from suite.cli.main import main
from suite.cli.run import Ended
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from suite.run.declared import Declared
from tests.kernels import stored
from tests.report_miniatures import run

CASE = "history/tcp_fast_open[ipv4]"
ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path, declared: dict[str, Declared], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build tree with an image, as far as it is looked at before it boots."""
    monkeypatch.setattr(collect, "declared_cases", lambda: declared)
    monkeypatch.setattr(asking, "find_qemu", lambda _: "qemu")
    monkeypatch.setattr(asking, "choose_accelerator", lambda *_: "tcg")
    image = tmp_path / "linux" / "arch" / "x86" / "boot" / "bzImage"
    image.parent.mkdir(parents=True)
    head = bytearray(0x1000)
    head[0x202:0x206] = b"HdrS"
    head[0x20E:0x210] = (0x400).to_bytes(2, "little")
    head[0x600:0x60D] = b"6.18.0 (a@b)\0"
    image.write_bytes(head)
    return tmp_path / "linux"


def observed(verdict: Verdict, reason: str = "") -> CaseRecord:
    outcome = Allowed() if verdict is Verdict.DEVIATES else Denied(errno="EACCES")
    return CaseRecord(
        id=CASE, verdict=verdict, observed=outcome if verdict.judged else None, reason=reason
    )


V = Verdict
ANSWERS = {
    "conforms": (V.CONFORMS, [], 0, "good: {} on linux: conforms, observed EACCES"),
    "absent": (V.ABSENT, [], 0, "good: {} on linux: absent, observed EACCES"),
    "unfixed": (V.UNFIXED, [], 0, "good: {} on linux: unfixed, observed EACCES"),
    "deviates": (V.DEVIATES, [], 1, "bad: {} on linux: deviates, observed allowed"),
    "crashed": (V.CRASHED, [], 1, "bad: {} on linux: crashed, observed nothing"),
    "hung": (V.HUNG, [], 1, "bad: {} on linux: hung, observed nothing"),
    "skipped": (V.SKIPPED, [], 125, "skip: {} on linux: skipped: why"),
    "broken": (V.BROKEN, [], 125, "skip: {} on linux: broken: why"),
    "does-not-boot": (V.LOST, [], 125, "skip: {} on linux: lost: why"),
    "fix": (V.DEVIATES, ["--good=deviates"], 0, "good: {} on linux: deviates, observed allowed"),
    "fixed": (V.CONFORMS, ["--good=deviates"], 1, "bad: {} on linux: conforms, observed EACCES"),
    "added": (V.CONFORMS, ["--good=absent,hung"], 1, "bad: {} on linux: conforms, observed EACCES"),
}


@pytest.mark.parametrize(("verdict", "options", "code", "said"), ANSWERS.values(), ids=ANSWERS)
def test_a_verdict_is_an_answer_to_git(
    *,
    tree: Path,
    verdict: Verdict,
    options: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def boot(targets: list[str], *, options: list[str], nodes: list[str]) -> Ended:
        assert targets == ["vm:linux"]
        assert {"--boot", f"--label=linux=path:{tree}"} <= set(options)
        assert len(nodes) == 1
        record = TargetRecord(name="vm:linux", cases=[observed(verdict, "why")])
        return Ended(run(record), interrupted=False)

    monkeypatch.setattr(asking, "run", boot)
    assert main(["check-tree", str(tree), CASE, *options]) == code
    assert capsys.readouterr().out == f"{said.format(CASE)}\n"


def test_a_tree_without_an_image_is_skipped(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "arch/x86/boot/bzImage").unlink()
    assert main(["check-tree", str(tree), CASE]) == check_tree.SKIP
    assert capsys.readouterr().out.startswith(f"skip: {CASE} on linux: {tree} holds no ")


WRONG = {
    "no-tree": (["gone", CASE], 130, "landproof: gone does not exist; name a kernel's build tree"),
    "no-case": ([".", "history/tcp"], 130, "landproof: 4 cases begin with 'history/tcp': "),
    "words": (["."], 130, "landproof check-tree: the following arguments are required: CASE"),
    "option": ([".", CASE, "--bda"], 130, "landproof: unrecognized arguments: --bda"),
    "verdict": ([".", CASE, "--good=fine"], 130, "landproof check-tree: argument --good: 'fine' "),
}


@pytest.mark.parametrize(("words", "code", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("tree")
def test_what_says_nothing_of_a_kernel_ends_a_bisection(
    *,
    words: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(["check-tree", *words])
    except SystemExit as exit_:
        ended = int(exit_.code or 0)
    assert ended == code
    out, err = capsys.readouterr()
    assert (out, err.startswith(said), err.count("\n")) == ("", True, 1)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 132, "landproof: interrupted\n"),
        (ValueError("x"), 131, "landproof: internal fault: ValueError: x; run again with "),
    ],
)
def test_a_fault_of_ours_ends_a_bisection(
    *,
    tree: Path,
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(asking, "run", fail)
    assert main(["check-tree", str(tree), CASE]) == code
    assert capsys.readouterr().err.startswith(said)


MAKEFILE = """\
bzImage:
	test "$$(cat kernel)" != broken
	rm -rf arch lib && mkdir -p arch/x86/boot
	cp "$$(cat kernel)/vmlinuz" arch/x86/boot/bzImage
	cp -a "$$(cat kernel)/lib" lib || :
"""
"""Stands in for a kernel's: each commit "builds" by copying the stored kernel that it names."""


@pytest.mark.vm
@pytest.mark.timeout(300)
def test_git_bisect_run_finds_the_commit(tmp_path: Path) -> None:
    """6.12 added what 6.1 lacks; one commit between them does not build."""
    commits = ["6.1", "6.1", "broken", "6.1", "6.12", "7.3"]
    folders = {wish: stored(wish).vmlinuz.parent for wish in {*commits} - {"broken"}}

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    git("init", "--quiet")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / ".gitignore").write_text("arch\nlib\n")
    for number, wish in enumerate(commits):
        (tmp_path / "kernel").write_text(f"{folders.get(wish, wish)}\n")
        (tmp_path / "number").write_text(str(number))
        git("add", ".")
        git("commit", "--quiet", "--message", f"{number}: {wish}")
    git("bisect", "start", "HEAD", "HEAD~5")
    ours = f"{sys.executable} -m suite.cli.main"
    case = "claims/scopes[scope-signal]"
    script = f"make || exit 125; exec {ours} check-tree . '{case}' --good absent"
    said = git("bisect", "run", "sh", "-c", script)
    first = git("log", "--format=%s", "-1", "refs/bisect/bad").strip()
    assert first == "4: 6.12", said
    assert f"bad: {case} on {tmp_path.name}: conforms, observed" in said
    assert f"good: {case} on {tmp_path.name}: absent, observed" in said
