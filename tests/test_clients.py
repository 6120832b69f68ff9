# SPDX-License-Identifier: MIT
"""Other people's enforcers under our cases: each verdict, by clients that do just that."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.clients.build import Clients, build
from reports.render import Style, render
from reports.results import load
from suite.cli import clients as command
from suite.cli.run import Ended
from suite.cli.verbs import handle
from suite.clients.description import Client, find, known, parted, read
from suite.clients.finding import Attempt, found
from suite.clients.start import Start
from suite.clients.view import View
from suite.clients.words import NotExpressedError, words
from suite.errors import Exit, UsageError
from suite.judge.enforced import ClientRecord, Enforced, Seen
from suite.judge.outcome import Denied
from suite.landlock.abi import FS, NET, SCOPE
from suite.landlock.ruleset import Ruleset
from tests.clients_miniature import NO_WORDS, OK, SILENT, STRICT, clients_zoo, target
from tests.runs import landproof as argv
from tests.runs import run

HERE = Path(__file__).resolve().parent
MINIMAL = HERE.parent / "docs" / "examples" / "clients" / "minimal.toml"
SELECT = "fs/rights[read-file] or fs/rights[read-file-with-rule]"


def landproof(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line."""
    return run(argv(*arguments))


def faulty(folder: Path, fault: str) -> Path:
    """The description of a client with a fault, in a folder with all that it needs."""
    shutil.copy(HERE / "faulty_client.py", folder)
    shutil.copy(MINIMAL.with_suffix(".py"), folder)
    path = folder / f"{fault}.toml"
    path.write_text(
        f'name = "{fault}"\nsummary = "does wrong"\nprotocol = true\n'
        f'command = ["python3", "{{here}}/faulty_client.py", "{fault}"]\n'
    )
    return path


def tried(tmp_path: Path, *arguments: str) -> tuple[int, Clients]:
    """What ``landproof clients run`` came to."""
    results = tmp_path / "results.json"
    ran = landproof("clients", "run", *arguments, "-n", "1", "--results", str(results))
    return ran.returncode, build(load(results))


def marks(clients: Clients, name: str) -> set[Enforced]:
    """What became of a client's rights."""
    number = [it.name for it in clients.columns].index(name)
    return {cell.enforced for row in clients.rows for cell in row.cells if cell.column == number}


def test_each_fault_has_its_name(tmp_path: Path) -> None:
    """The cases are run once with each of them; what is not asked for, is seen by their calls."""
    owed = {
        "none": Enforced.ENFORCES,
        "crashes": Enforced.BREAKS,
        "ends": Enforced.BREAKS,
        "cannot": Enforced.NOT_EXPRESSED,
        "refuses": Enforced.REFUSES,
        "forgets": Enforced.SILENT,
        "tells": Enforced.TELLS,
    }
    files = [str(faulty(tmp_path, fault)) for fault in owed]
    code, clients = tried(tmp_path, *files, "--target", "local", "-k", "fs/rights[read-file]")
    assert code == 1
    assert {fault: marks(clients, fault) for fault in owed} == {
        fault: {enforced} for fault, enforced in owed.items()
    }
    assert {(clients.columns[it.column].name, it.enforced) for it in clients.findings} == {
        ("crashes", Enforced.BREAKS), ("ends", Enforced.BREAKS), ("forgets", Enforced.SILENT),
    }  # fmt: skip


def test_more_than_the_policy(tmp_path: Path) -> None:
    """A client whose rules allow more is told from a kernel that does not enforce them."""
    more = str(faulty(tmp_path, "more"))
    code, clients = tried(tmp_path, more, "--target", "local", "-k", "fs/rights[read-file]")
    assert code == 1
    [finding] = clients.findings
    assert finding.enforced is Enforced.SILENT
    assert finding.reason == "its rules allow more than the policy does"


def test_a_kernel_that_enforces_nothing(tmp_path: Path) -> None:
    """What was asked for, and is not enforced, is told; a rule that allows is not at fault."""
    target = "lying:enforces-nothing/local"
    code, clients = tried(tmp_path, f"{MINIMAL}+strict", "--target", target, "-k", SELECT)
    assert code == 1
    [row] = clients.rows
    assert [it.enforced for it in row.cells] == [Enforced.NOT_ENFORCED]
    assert row.cells[0].cases == ["fs/rights[read-file]"]


def test_a_kernel_that_refuses_what_it_claims(tmp_path: Path) -> None:
    """One that is strict refuses; what it is refused is seen by its calls."""
    code, clients = tried(
        tmp_path, f"{MINIMAL}+strict", "--target", "lying:rocky-9.7/local",
        "-k", "fs/rights[ioctl-dev] or claims/scopes[scope-signal]",
    )  # fmt: skip
    assert code == 0
    cells = {row.feature: row.cells[0] for row in clients.rows}
    assert cells["fs.ioctl_dev"].enforced is Enforced.REFUSES
    assert cells["fs.ioctl_dev"].refused == ["landlock_create_ruleset(2) (fs.ioctl_dev): EINVAL"]
    assert cells["scope.signal"].enforced is Enforced.REFUSES


@pytest.mark.parametrize("name", known())
def test_descriptions_say_what_they_need(name: str) -> None:
    """Each client that landproof brings is found, is from a suite, and has words for something."""
    client = read(find(name))
    assert client.name == name
    assert client.source.suite
    assert client.is_canary or client.restricts


SETPRIV = read(find("setpriv"))
LANDRUN = read(find("landrun"))
DENIED = Ruleset(fs=FS.TRUNCATE)


def test_words_for_chosen_rights() -> None:
    """What is not handled is left out, and a rule allows just what it says."""
    ruleset = Ruleset(fs=FS.READ_FILE | FS.TRUNCATE).allow("/d", FS.READ_FILE | FS.WRITE_FILE)
    assert words(SETPRIV, (), ruleset, "/agent") == [
        "setpriv",
        "--landlock-access", "fs:read-file", "--landlock-access", "fs:truncate",
        "--landlock-rule", "path-beneath:read-file:/d",
        "--landlock-rule", "path-beneath:read-file:/agent",
        "--",
    ]  # fmt: skip


def test_words_for_all_that_is_known() -> None:
    """What a policy leaves alone is left alone, and the program may be started."""
    assert words(LANDRUN, ("--best-effort",), DENIED, "/agent") == [
        "landrun", "--best-effort", "--unrestricted-network", "--unrestricted-scoped",
        "--rox", "/agent", "--",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("client", "ruleset", "lacking"),
    [
        (SETPRIV, Ruleset(net=NET.BIND_TCP), "net.bind_tcp"),
        (SETPRIV, Ruleset(scope=SCOPE.SIGNAL), "scope.signal"),
        (
            LANDRUN,
            Ruleset(fs=FS.READ_FILE | FS.READ_DIR).allow("/d", FS.READ_DIR),
            "a rule of fs.read_dir alone",
        ),
        (LANDRUN, DENIED.quiet("/d"), "quiet rules"),
    ],
)
def test_no_words(client: Client, ruleset: Ruleset, lacking: str) -> None:
    """What a client can't say is told, and nothing like it is asked for instead."""
    with pytest.raises(NotExpressedError, match=lacking):
        words(client, (), ruleset, "/agent")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('name = "x"', "missing required field"),
        ("name = ", "Invalid value"),
        ('name = "x"\nsummary = ""\ncommand = []', "its command is empty"),
        ('name = "x"\nsummary = ""\ncommand = ["x"]\nnonsense = 1', "nonsense"),
        (
            'name = "x"\nsummary = ""\ncommand = ["x"]\n[[restrict]]\nrights = ["fs.truncat"]',
            "there is no right fs.truncat",
        ),
    ],
)
def test_what_describes_no_client(tmp_path: Path, text: str, why: str) -> None:
    """One line says which file it is, and what is wrong in it."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=why) as raised:
        read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("words_given", "why"),
    [
        (["nobody"], "no client nobody"),
        (["./nowhere.toml"], "No such file"),
        (["setpriv+lax"], "setpriv has no mode lax"),
        (["setpriv", "--target", "ssh:board"], "clients run on local, vm:NAME"),
        (["setpriv", "--target", "lying:badly/local"], "there is no shape 'badly'"),
    ],
)
def test_wrong_words(words_given: list[str], why: str) -> None:
    """Each is refused before anything is fetched."""
    with pytest.raises(UsageError, match=why):
        handle(["clients", "run", *words_given])


@pytest.mark.parametrize(
    ("word", "client", "mode"),
    [
        ("landrun", "landrun", ""),
        ("landrun+strict", "landrun", "strict"),
        ("./my+own.toml", "./my+own.toml", ""),
        ("./my+own.toml+lax", "./my+own.toml", "lax"),
    ],
)
def test_names_and_modes(word: str, client: str, mode: str) -> None:
    """A file may have a plus in its name."""
    assert parted(word) == (client, mode)


@pytest.mark.parametrize(
    ("asked", "enforced"),
    [(Ruleset(fs=FS.READ_FILE), Enforced.ENFORCES), (Ruleset(net=NET.BIND_TCP), Enforced.SILENT)],
)
def test_reparenting_is_denied_by_every_layer_about_files(
    asked: Ruleset, enforced: Enforced
) -> None:
    """Who does not ask for it gets it, unless nothing of files was asked for."""
    start = Start(("fence",), is_started=True, view=View(layers=(asked,)))
    by = Attempt(SETPRIV, layers=[Ruleset(fs=FS.REFER)], starts=[start])
    denied = Denied("EXDEV")
    seen = Seen(expected=denied, own=denied, came=denied, abi=7, again=lambda: denied)
    assert found(by, seen).enforced is enforced


@pytest.mark.parametrize(
    ("cells", "lost", "code"),
    [
        ([OK], 0, Exit.CONFORMS),
        ([OK], 1, Exit.INFRASTRUCTURE),
        ([OK, SILENT], 1, Exit.DEVIATES),
        ([NO_WORDS], 0, Exit.CONFORMS),
        ([ClientRecord(enforced=Enforced.NOT_SHOWN)], 0, Exit.INFRASTRUCTURE),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, cells: list[ClientRecord], lost: int, code: Exit
) -> None:
    """No success where a client could not be run, or nothing was shown."""
    seen = target("local", 7, STRICT, dict(zip(("fs.truncate", "fs.refer"), cells, strict=False)))
    results = clients_zoo()
    results.targets = [seen, *(it for it in results.targets if not it.facts)][: 1 + lost]
    monkeypatch.setattr(command, "run", lambda *_, **__: Ended(results, interrupted=False))
    assert handle(["clients", "run", f"{MINIMAL}+strict", "--target", "local"]) == code


def test_formats(tmp_path: Path) -> None:
    """What was seen is written in each format of clients."""
    code, _ = tried(tmp_path, str(MINIMAL), "--target", "local", "-k", SELECT)
    assert code == 0
    results = load(tmp_path / "results.json")
    told = {
        name: render(results, name, Style())
        for name in ("clients", "clients-json", "clients-markdown", "clients-html")
    }
    headline = "1 client on 1 kernel: nothing is dropped silently, or breaks"
    assert json.loads(told["clients-json"])["rows"][0]["feature"] == "fs.read_file"
    assert told["clients"].startswith(headline)
    assert headline in told["clients-markdown"]
    assert headline in told["clients-html"]
