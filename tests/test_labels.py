# SPDX-License-Identifier: MIT
"""What kernels are called: by a label, by their names, by what their paths say; never by a path."""

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports import again
from reports.answer import answer
from reports.diff import compare
from reports.known import Known
from reports.render import formats, render
from reports.results import encode, load, parse, save
from suite.cli.main import main
from suite.cli.verbs import parser
from suite.errors import Exit
from suite.judge import labels
from suite.judge.outcome import Denied
from suite.judge.records import CaseRecord, KernelBuild, TargetRecord, Verdict
from tests.fake_archive import image
from tests.kernels import stored
from tests.report_miniatures import kernel as miniature
from tests.report_miniatures import run
from tests.runs import landproof, write_cases
from tests.runs import run as start
from vm.names import called
from vm.store import Store

HERE = Path.cwd().name


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, which is the one that is taken."""
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))
    return Store()


WAYS = {
    "path:/src/linux": "linux",
    "path:/src/linux/": "linux",
    "path:/src/linux/arch/x86/boot/bzImage": "linux",
    "path:/src/linux-7.3.4": "linux-7.3.4",
    "path:/boot/vmlinuz-6.1.0-50-amd64": "vmlinuz-6.1.0-50-amd64",
    "path:/src/build/../small": "small",
    "path:/src/my own (new)": "my-own-new",
    "path:/src/.hidden": "hidden",
    "path:/bzImage": "bzImage",
    "path:/src/漢字/boot": "src",
    "path:/src/host": "own-host",
    # A folder that is called as a version is none of that version's kernels.
    "path:/src/6.12": "own-6.12",
    "path:/": "kernel",
    "path:./small": "small",
}


@pytest.mark.parametrize(("path", "label"), WAYS.items())
def test_a_path_tells_what_its_kernel_is_called(path: str, label: str) -> None:
    assert labels.of_paths([path]) == {path: label}
    assert labels.LABEL.fullmatch(label)


def test_the_folder_above_tells_apart_what_is_called_alike() -> None:
    old, new, other = "path:/old/linux", "path:/new/linux", "path:/src/small"
    told = {old: "old-linux", new: "new-linux", other: "small"}
    assert labels.of_paths([old, new, other]) == told
    assert labels.of_paths([other, new, old]) == told
    assert labels.of_paths([other], taken=["small"]) == {other: "src-small"}


def test_a_number_tells_apart_what_nothing_else_does() -> None:
    tree, file = "path:/linux", "path:/linux/arch/x86/boot/bzImage"
    assert labels.of_paths([tree, file]) == {tree: "linux", file: "linux-2"}
    assert labels.of_paths([tree], taken=["linux", "linux-2"]) == {tree: "linux-3"}


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["6.12", "6.12", "host", "tiny:1"], {"6.12": "6.12", "host": "host", "tiny:1": "tiny:1"}),
        (["old=6.12.43", "old=6.12.43"], {"old": "6.12.43"}),
        (["one=6.12", "two=6.12"], {"one": "6.12", "two": "6.12"}),
        (["mine=path:x"], {"mine": "path:x"}),
        (["mine=./x", "../y", "."], {"mine": "path:./x", "y": "path:../y", HERE: "path:."}),
        (["a/x", "~/y", "/z"], {"x": "path:a/x", "y": "path:~/y", "z": "path:/z"}),
        (["path:x", "path:./x"], {"x": "path:x"}),
        # An = is that of a label only where all before it could be one.
        (["/a=b/x", "path:c=d"], {"x": "path:/a=b/x", "c-d": "path:c=d"}),
        (["m=path:/a=b/x"], {"m": "path:/a=b/x"}),
        (["linux=6.1", "/src/linux"], {"linux": "6.1", "src-linux": "path:/src/linux"}),
        (["/src/linux", "linux=6.1"], {"src-linux": "path:/src/linux", "linux": "6.1"}),
    ],
)
def test_what_is_written_is_what_they_are_called(
    texts: Sequence[str], names: dict[str, str], store: Store
) -> None:
    assert list(called(texts, store).items()) == list(names.items())


REFUSED = {
    "6.12=7.3": "'6.12' is itself the name of a kernel; label it otherwise, such as my-6.12",
    "7.3-mine=7.3": "'7.3-mine' is itself the name of a kernel; label it otherwise, such as my-7.*",
    "host=7.3": "'host' is itself the name of a kernel; label it otherwise, such as my-host",
    "a=7.3,a=7.2": "two kernels are called a: 7.3 and 7.2; label one otherwise",
    "a b=7.3": "'a b=7.3': 'a b' is no label of a kernel; write letters, digits and .*",
    "ä=7.3": "'ä=7.3': 'ä' is no label of a kernel; .*",
    "=7.3": "'=7.3': '' is no label of a kernel; .*",
    "a=": "'a=' names no kernel; write one behind the =, such as a=6.12",
    "a=mine": "'mine' is not a kernel name; write .*",
    "mine": "'mine' is not a kernel name; write .*, path:FOLDER, ./FOLDER, .*or host",
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("verb", ["matrix", "ci"])
@pytest.mark.parametrize(("text", "said"), REFUSED.items())
def test_what_makes_no_sense_is_one_line(
    verb: str, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if verb == "matrix" and not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs qemu-system-x86_64")
    service = ["gitlab"] if verb == "ci" else []
    assert main([verb, *service, "--kernels", text]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"landproof: {said}\n", err), err


def own(name: str, path: str) -> TargetRecord:
    """A kernel of the user's, called so."""
    build = KernelBuild(
        name=f"path:{path}", release="7.3.4-own", version="#1", source="", sha256=""
    )
    source = f"path:{Path('/src', path)}"
    return replace(miniature(name, "7.3.4-own", 11, 0b1111), kernel=replace(build, source=source))


def test_an_old_file_is_read_with_short_names(tmp_path: Path) -> None:
    old = run(
        own("vm:path:linux", "linux"),
        own("vm:path:./linux", "linux"),
        own("vm:path:/new/small", "/new/small"),
        TargetRecord(name="vm:path:../lost", reason="no agent"),
        miniature("vm:small", "6.12", 6, 0b11),
    )
    parsed = parse(encode(old), "old.json")
    names = ["vm:src-linux", "vm:linux", "vm:new-small", "vm:lost", "vm:small"]
    assert [target.name for target in parsed.targets] == names
    assert [target.kernel for target in parsed.targets[:3]] == [it.kernel for it in old.targets[:3]]
    for fmt in formats():
        assert "vm:path:" not in render(parsed, fmt), fmt
    save(tmp_path / "again.json", parsed)
    assert [target.name for target in load(tmp_path / "again.json").targets] == names


def test_an_old_file_compares_with_a_new_one() -> None:
    before = parse(encode(run(own("vm:path:linux", "linux"), own("vm:path:b", "b"))), "old.json")
    new = run(own("vm:linux", "linux"), own("vm:c", "c"))
    assert compare(before, new).targets_gone == ("vm:b",)


def test_a_known_deviation_names_a_kernel_by_label_or_path() -> None:
    target = own("vm:mine", "linux")
    entry = Known(case="*", kernel="mine", reason="r", source="s", added=date(2026, 1, 1))
    assert all(
        replace(entry, kernel=name).names(target)
        for name in ("mine", "vm:mine", "path:linux", "path:/src/linux", "7.3.4-own")
    )
    assert not replace(entry, kernel="path:/src/lin").names(target)


def test_what_is_told_to_paste_names_the_same_kernels(store: Store) -> None:
    archive = miniature("vm:6.12", "6.12.43", 6, 0b11)
    assert archive.kernel is not None
    targets = [
        archive,
        replace(archive, name="vm:old"),
        own("vm:linux", "linux"),
        own("vm:mine", "/my linux/it's, or not"),
        TargetRecord(name="vm:7.9", reason="no agent"),
    ]
    assert again.wish(miniature("local", "6.12", 6, 0b11)) is None
    wishes = [wish for it in targets if (wish := again.wish(it)) is not None]
    command = f"matrix {again.options(wishes)} -k claims"
    assert command.startswith("matrix --kernels 6.12,old=6.12,linux=path:/src/linux,7.9 --target ")
    pasted = parser("matrix").parse_args(shlex.split(command))
    asked = [*pasted.kernels, *(it.removeprefix("vm:") for it in pasted.targets)]
    assert called(asked, store) == {
        "6.12": "6.12",
        "old": "6.12",
        "linux": "path:/src/linux",
        "7.9": "7.9",
        "mine": "path:/my linux/it's, or not",
    }


def test_a_reproducer_of_what_is_new_is_asked_for_of_the_same_kernel() -> None:
    def deviates(case: CaseRecord) -> CaseRecord:
        bad = case.id.startswith("fs/")
        return replace(case, verdict=Verdict.DEVIATES, observed=Denied("EIO")) if bad else case

    labelled = own("vm:mine", "/my linux")
    bad = replace(labelled, cases=[deviates(case) for case in labelled.cases])
    (new,) = {it.command.partition("--target ")[2] for it in answer(run(bad)).new}
    assert shlex.split(new) == ["vm:mine=path:/my linux"]
    assert f"--target {new}" in render(run(bad), "github")


def test_a_workflow_says_what_each_job_calls_its_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    kernels = "a/linux,b/linux,mine=./x,6.12"
    assert main(["ci", "gitlab", "--kernels", kernels]) == Exit.CONFORMS
    (line,) = (it for it in capsys.readouterr().out.splitlines() if "KERNEL: " in it)
    assert json.loads(line.partition("KERNEL: ")[2]) == [
        "a-linux=path:a/linux", "b-linux=path:b/linux", "mine=path:./x", "6.12",
    ]  # fmt: skip


@pytest.mark.usefixtures("store")
def test_fetched_kernels_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small/bzImage").write_bytes(image("7.3.0-mine"))
    names = [f"{tmp_path}/small", f"mine=path:{tmp_path}/small/bzImage"]
    assert main(["kernels", "fetch", *names]) == Exit.CONFORMS
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[:2] for line in lines] == [["small", "7.3.0-mine"], ["mine", "7.3.0-mine"]]
    assert main(["kernels", "fetch", "--json", names[1]]) == Exit.CONFORMS
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["label"], row["name"]) == ("mine", f"path:{tmp_path}/small/bzImage")


CASES = """
from suite.case import Allowed
from suite.judge.expectation import always

def test_fine(process, judge):
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))
"""


@pytest.mark.vm
def test_real_kernels_run_under_their_labels(tmp_path: Path) -> None:
    vmlinuz = stored("7.3").vmlinuz
    (tmp_path / "small").mkdir()
    shutil.copy(vmlinuz, tmp_path / "small/vmlinuz")
    results = tmp_path / "results.json"
    chosen = f"one=7.3,{tmp_path}/small,two={vmlinuz}"
    options = ["--accel=tcg", "-n1", f"--results={results}"]
    cases = write_cases(tmp_path, CASES)
    ran = start(landproof("matrix", "--kernels", chosen, "-kfine", *options, cases=cases))
    assert ran.returncode in (Exit.CONFORMS, Exit.NO_LANDLOCK), ran.stderr
    assert "path:" not in ran.stdout + ran.stderr
    targets = {target.name: target for target in load(results).targets}
    assert list(targets) == ["vm:one", "vm:small", "vm:two"]
    for target in targets.values():
        assert [(case.id, case.verdict) for case in target.cases] == [
            ("mini/cases[fine]", Verdict.CONFORMS)
        ]
    wishes = [again.wish(target) for target in targets.values()]
    assert wishes == ["one=7.3", f"small=path:{tmp_path}/small", f"two=path:{vmlinuz}"]
    check = landproof("check", "--target", f"vm:{wishes[1]}", "-kfine", cases=cases)
    ran = start(check)
    assert ran.returncode in (Exit.CONFORMS, Exit.NO_LANDLOCK), ran.stderr
    assert "vm:small: 1 case in" in ran.stderr
    assert "path:" not in ran.stdout + ran.stderr
    ran = start(landproof("repro", "fs/truncate[creat]", "--target", f"vm:{wishes[1]}"))
    assert ran.returncode == Exit.CONFORMS, ran.stderr
    assert "(vm:small)" in ran.stdout
