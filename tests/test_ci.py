# SPDX-License-Identifier: MIT
"""``landproof ci``: workflows that their services accept, made of commands that we accept."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from reports.ci.workflows import ACTIONS, services, workflow
from reports.ending import FailOn, Terms, judged
from reports.results import load, save
from suite.cli import origin
from suite.cli.main import main
from suite.cli.verbs import parser
from suite.errors import Exit
from suite.judge.records import Fault
from tests import ci_formats
from tests.report_miniatures import few, later, run, zoo
from vm.catalogue import DEFAULT_SET

SCHEMAS = {
    "github": ["--builtin-schema=vendor.github-workflows"],
    "gitlab": ["--builtin-schema=vendor.gitlab-ci", "--data-transform=gitlab-ci"],
}
INSTALLS = {"plain": "pip install landproof", "lines": "pip install uv\nuv pip install '.[x]'"}


def printed(service: str, install: str = INSTALLS["plain"], runner: str = "") -> str:
    kernels = ["6.1", "6.12.43+amd64", "path:arch/x86/boot/bzImage"]
    return workflow(service, kernels=kernels, install=install, branch="main", runner=runner)


def scripts(node: object) -> Iterator[str]:
    """Every piece of shell in a workflow."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"run", "script", "before_script", "test"} and isinstance(value, str):
                yield value
            elif key in {"script", "before_script"} and isinstance(value, list):
                yield "\n".join(value)
            elif key == "command" and value[:2] == ["bash", "-euc"]:
                yield value[2]
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


def every(service: str, install: str = INSTALLS["plain"], runner: str = "") -> list[str]:
    """Every piece of shell in all documents of a workflow."""
    documents = YAML(typ="safe").load_all(printed(service, install, runner))
    return [script for document in documents for script in scripts(document)]


def script_of(step: str) -> str:
    document = YAML(typ="safe").load(printed("github"))
    steps = [it for job in document["jobs"].values() for it in job["steps"]]
    (found,) = (it["run"] for it in steps if it.get("name", "").startswith(step))
    return str(found)


def test_every_service_is_tested() -> None:
    assert services() == sorted([*SCHEMAS, "kubernetes", "tmt"])  # and tests/test_ci_linters.py


@pytest.mark.parametrize("service", SCHEMAS)
def test_its_schema_takes_it(service: str, tmp_path: Path) -> None:
    """However it is installed, and whosever machine runs it: by one program, since it is slow."""
    files = []
    for install, command in INSTALLS.items():
        for runner in ("", "debian"):
            file = tmp_path / f"{install}-{runner or 'theirs'}.yml"
            file.write_text(printed(service, command, runner), encoding="utf-8")
            files.append(str(file))
    command_line = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[service], *files]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("runner", ["", "debian"], ids=["theirs", "own"])
@pytest.mark.parametrize("install", INSTALLS.values(), ids=INSTALLS)
@pytest.mark.parametrize("service", services())
def test_its_shell_is_shell(service: str, install: str, runner: str) -> None:
    found = every(service, install, runner)
    assert any(install in script for script in found)
    for script in found:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("service", services())
def test_it_calls_landproof_as_it_is(service: str) -> None:
    verbs = []
    for script in every(service):
        for command in re.findall(r"^\s*(landproof [^>|\n]*)", script, re.MULTILINE):
            command = command.replace("$terms", "--fail-on none")  # noqa: PLW2901
            words = shlex.split(command)[1:]
            verbs.append(parser(words[0]).parse_args(words).verb)
    wanted = {"matrix"} if service == "tmt" else {"matrix", "merge", "report", "diff"}
    assert wanted <= set(verbs)


def in_shell(script: str, folder: Path, **environment: str) -> int:
    """Run a step as GitHub does, with this landproof as ``landproof``."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    ours = tools / "landproof"
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m suite.cli.main "$@"\n')
    ours.chmod(0o755)
    known = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **environment,
    }
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(shell, cwd=folder, env=known, check=False).returncode


def test_the_report_step_reports(tmp_path: Path) -> None:
    for number, target in enumerate(zoo().targets):
        folder = tmp_path / "kernels" / f"landproof-kernel-{number}"
        folder.mkdir(parents=True)
        save(folder / "results.json", run(target))
    assert in_shell(script_of("Report"), tmp_path) == 0
    assert len(load(tmp_path / "report" / "results.json").targets) == len(zoo().targets)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "results.json",
        "index.html",
        "junit.xml",
        "badge.svg",
    }
    assert "# Landlock: 11 kernels" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(("last", "code"), [("later", 0), ("zoo", 1), ("", 0)])
def test_the_comparison_fails_on_a_regression_alone(last: str, code: int, tmp_path: Path) -> None:
    runs = {"later": later(), "zoo": zoo()}
    (tmp_path / "report").mkdir()
    save(tmp_path / "report" / "results.json", later())
    save(tmp_path / "last.json", runs.get(last, few()))
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = list ] && {{ {f"echo {last}" if last else ":"}; exit; }}\n'
        "mkdir before && cp last.json before/results.json\n"
    )
    gh.chmod(0o755)
    step = script_of("Compare")
    environment = {"GITHUB_REPOSITORY": "a/b", "GITHUB_WORKFLOW": "Landlock", "BRANCH": "main"}
    assert in_shell(step, tmp_path, **environment) == code
    said = (tmp_path / "summary.md").read_text()
    assert ("No earlier run" in said) == (not last)
    assert ("regressed" in said) == bool(code)


@pytest.mark.parametrize(("last", "code"), [("later", 0), ("zoo", 1), ("", 0)])
def test_gitlabs_tab_of_tests_is_green_as_the_job(last: str, code: int, tmp_path: Path) -> None:
    runs = {"later": later(), "zoo": zoo()}
    lenient = Terms(fail_on=FailOn.NONE)
    # The job of a kernel whose cases were lost has failed already.
    ours = [any(case.verdict.fault is Fault.OURS for case in it.cases) for it in later().targets]
    heard = [it for it, lost in zip(later().targets, ours, strict=True) if not lost]
    (tmp_path / "bin").mkdir()
    curl = tmp_path / "bin" / "curl"
    curl.write_text(f"#!/bin/sh\n{'cp last.json before.json' if last else 'exit 22'}\n")
    curl.chmod(0o755)
    save(tmp_path / "last.json", runs.get(last, zoo()))
    for number, target in enumerate(heard):
        ended = judged(run(target, landproof="0.2.0"), lenient)
        save(tmp_path / f"landproof-{number}.json", ended.results)
    job = YAML(typ="safe").load(printed("gitlab"))["landlock-report"]
    assert in_shell("\n".join(job["script"]), tmp_path) == code
    tab = [tmp_path / it for it in job["artifacts"]["reports"]["junit"]]
    assert len(heard) > 3
    assert [it.exists() for it in tab] == [True, bool(last)]
    assert all(ci_formats.junit(it.read_text()) for it in tab if it.exists()) == (code == 0)


def test_it_is_usable_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ci", "github"]) == Exit.CONFORMS
    document = YAML(typ="safe").load(capsys.readouterr().out)
    assert document["jobs"]["kernel"]["strategy"]["matrix"]["kernel"] == list(DEFAULT_SET)


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--kernels", "6.1,6.1,7.3", "--branch", "next/7", "--install", "pip install ."]
    assert main(["ci", "gitlab", *arguments]) == Exit.CONFORMS
    document = YAML(typ="safe").load(capsys.readouterr().out)
    assert document["landlock"]["parallel"]["matrix"] == [{"KERNEL": ["6.1", "7.3"]}]
    assert document["landlock-report"]["variables"]["BRANCH"] == "next/7"
    assert "pip install .\n" in document[".landproof"]["before_script"]


def test_a_machine_of_ones_own_gets_the_rule_for_kvm() -> None:
    job = YAML(typ="safe").load(printed("github", runner="debian"))["jobs"]["kernel"]
    assert job["runs-on"] == "debian"
    assert "container" not in job
    assert 'KERNEL=="kvm"' in job["steps"][0]["run"]
    theirs = YAML(typ="safe").load(printed("github"))["jobs"]["kernel"]
    assert theirs["container"]["options"] == "--device /dev/kvm"
    assert "udev" not in str(theirs)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--runner", "a: b"], "is not the label of a runner"),
        (["--kernels", "six"], "'six' is not a kernel name"),
        (["--kernels", ","], "no kernel is named"),
        (["--install", " "], "no command is given"),
        (["--branch", "a: b"], "is not the name of a branch"),
        (["--shards", "3"], "--shards is for kubernetes; elsewhere each job runs one kernel"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ci", "github", *arguments]) == Exit.USAGE
    said = capsys.readouterr()
    assert why in said.err
    assert not said.out


def test_it_runs_once_a_week_whoever_pushes() -> None:
    document = YAML(typ="safe").load(printed("github"))
    assert document["on"]["schedule"] == [{"cron": "17 4 * * 1"}]


@pytest.mark.parametrize("last", ["zoo", "later", ""])
def test_the_report_of_pods_merges_shards_and_keeps_what_is_good(last: str, tmp_path: Path) -> None:
    """What is no worse than before takes its place; what is worse does not."""
    runs = {"zoo": zoo(), "later": later()}
    documents = [*YAML(typ="safe").load_all(printed("kubernetes"))]
    (container,) = documents[2]["spec"]["template"]["spec"]["containers"]
    script = container["command"][2].partition(INSTALLS["plain"])[2]
    if last:
        save(tmp_path / "before.json", runs[last])
    for number, target in enumerate(later().targets):
        save(tmp_path / f"shard-{number}.json", run(target))
    code = in_shell(script, tmp_path)
    assert code == (1 if last == "zoo" else 0)
    assert (tmp_path / "landlock.html").exists()
    kept = load(tmp_path / "before.json")
    assert len(kept.targets) == len((zoo() if last == "zoo" else later()).targets)


def test_a_pod_runs_its_own_shard(tmp_path: Path) -> None:
    documents = [*YAML(typ="safe").load_all(printed("kubernetes"))]
    job = documents[1]["spec"]
    assert (job["completionMode"], job["completions"]) == ("Indexed", 3)
    script = job["template"]["spec"]["containers"][0]["command"][2]
    script = script.partition(INSTALLS["plain"])[2]
    tools = tmp_path / "bin"
    tools.mkdir()
    said = tmp_path / "said"
    (tools / "landproof").write_text(f'#!/bin/sh\necho "$LANDPROOF_SHARD $*" >> {said}\n')
    (tools / "landproof").chmod(0o755)
    for index in range(3):
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "JOB_COMPLETION_INDEX": str(index),
            "KERNELS": "6.1,7.3",
        }
        subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environment, check=True)
    assert said.read_text().splitlines() == [
        f"{index + 1}/3 matrix --full --kernels 6.1,7.3 --fail-on none --results shard-{index}.json"
        for index in range(3)
    ]


@pytest.mark.parametrize(
    ("direct", "urls", "command", "published"),
    [
        ({}, [], "pip install ./landproof-0.1.0-py3-none-any.whl", False),
        (
            {"url": "file:///home/me/landproof", "dir_info": {"editable": True}},
            [],
            "pip install ./landproof-0.1.0-py3-none-any.whl",
            False,
        ),
        (
            {"url": "file:///tmp/landproof-0.1.0%2Bx-py3-none-any.whl", "archive_info": {}},
            [],
            "pip install ./landproof-0.1.0+x-py3-none-any.whl",
            False,
        ),
        (
            {"url": "https://a.test/l.whl", "archive_info": {}},
            [],
            "pip install https://a.test/l.whl",
            True,
        ),
        (
            {"url": "https://a.test/l.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            ["Source, https://b.test/l"],
            "pip install 'landproof @ git+https://a.test/l.git@c0ffee'",
            True,
        ),
        (
            {"url": "file:///home/me/landproof", "dir_info": {}},
            ["Landlock, https://landlock.io/", "Source, https://b.test/l"],
            "pip install 'landproof @ git+https://b.test/l@v0.1.0'",
            True,
        ),
    ],
    ids=["unknown", "checkout", "wheel", "address", "commit", "project"],
)
def test_it_is_installed_from_where_it_is(
    *,
    direct: dict[str, object],
    urls: list[str],
    command: str,
    published: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Message()
    told["Version"] = "0.1.0"
    for url in urls:
        told["Project-URL"] = url

    class Installed:
        version = "0.1.0"

        def __init__(self) -> None:
            self.metadata = told

        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return json.dumps(direct) if direct else None

    monkeypatch.setattr(metadata, "distribution", lambda _: Installed())
    found, before = origin.install_command()
    assert found == command
    assert (not before) == published


def test_actions_are_pinned_to_what_git_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository of its own stands in for each action; one tag is annotated."""

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{tmp_path}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
    heads = {}
    for name, tag in ACTIONS.items():
        folder = str(tmp_path / name)
        git("init", "--quiet", folder)
        git("-C", folder, "commit", "--quiet", "--allow-empty", "--message", name)
        git("-C", folder, "tag", *(["-a", "-m", "x"] if name.endswith("cache") else []), tag)
        heads[name] = git("-C", folder, "rev-parse", "HEAD")
    assert main(["ci", "github", "--install", "pip install ."]) == Exit.CONFORMS
    out, err = capsys.readouterr()
    used = set(re.findall(r"uses: (.*)", out))
    assert used == {f"{name}@{heads[name]} # {tag}" for name, tag in ACTIONS.items()}
    assert err == ""
    git("-C", str(tmp_path / "actions/cache"), "tag", "-d", ACTIONS["actions/cache"])
    assert main(["ci", "github", "--install", "pip install ."]) == Exit.CONFORMS
    out, err = capsys.readouterr()
    assert "uses: actions/checkout@v6\n" in out
    assert err.startswith("actions are named by tags, not by digests: actions/cache v5: ")
    assert err.count("\n") == 1
