# SPDX-License-Identifier: MIT
"""``landproof compat``: what is found by which name, and what it says of which kernels."""

import json
import re
import shlex
from pathlib import Path

import pytest

from reports.compat import names, told
from reports.compat.asked import Asked, of_abi, of_kernel
from reports.compat.build import build
from reports.compat.document import Compat
from reports.page import Entry, Page, Table
from reports.results import save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.outcome import Denied
from suite.judge.records import CaseRecord, Verdict
from tests.abi_miniature import FEATURES, at_abi_11
from tests.report_miniatures import compat_zoo, kernel, more, run

pytestmark = pytest.mark.usefixtures("abi_11")
with at_abi_11():
    ZOO = build(compat_zoo())
    SIX = build(run(kernel("vm:6.12", "6.12.90+deb13-amd64", 6)))


def only(compat: Compat, text: str) -> names.Named:
    (one,) = names.find(compat, text)
    return one


def page(text: str, asked: Asked | None = None, compat: Compat = ZOO) -> Page:
    return told.page(compat, only(compat, text), asked)


def tables(page: Page, section: str) -> list[tuple[str, ...]]:
    """The rows of the tables of a section."""
    parts = [part for it in page.sections if it.title == section for part in it.parts]
    return [row for part in parts if isinstance(part, Table) for row in part.rows]


@pytest.mark.parametrize("label", FEATURES)
def test_a_feature_is_found_by_its_names(label: str) -> None:
    (constant,) = FEATURES[label].constants
    for text in (label, label.upper(), label.replace(".", "_"), constant, constant.lower()):
        assert [it.name for it in names.find(ZOO, text)] == [label], text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("truncate", "fs.truncate"),
        ("AccessFs::Truncate", "fs.truncate"),
        ("AccessFSTruncate", "fs.truncate"),
        ("Scope::AbstractUnixSocket", "scope.abstract_unix_socket"),
        ("erratum 4", "erratum 4"),
        ("errata 4", "erratum 4"),
        ("CVE-2026-89560", "erratum 4"),
        ("672fa082d48b", "erratum 4"),
        ("tcp-fast-open-bypass", "tcp-fast-open-bypass"),
        ("cve-2024-42318", "cred-transfer"),
        ("LANDLOCK_MAX_NUM_LAYERS", "layers"),
        ("landlock_create_ruleset(2)", "landlock_create_ruleset"),
        ("landlock_create_ruleset", "landlock_create_ruleset"),
        ("LANDLOCK_RULE_NET_PORT", "net_port"),
        ("struct landlock_ruleset_attr", "landlock_ruleset_attr"),
    ],
)
def test_what_else_things_are_called(text: str, name: str) -> None:
    assert only(ZOO, text).name == name


def test_every_row_is_told_with_its_answer_first() -> None:
    for it in names.everything(ZOO):
        for asked in (None, of_abi(ZOO, 2), of_kernel(ZOO, "6.12.80"), of_kernel(ZOO, "5.10.3")):
            shown = told.page(ZOO, it, asked)
            assert shown.title.startswith(f"{it.name}: "), shown.title
            assert shown.title.endswith("."), shown.title
            assert shown.sections


@pytest.mark.parametrize(
    ("text", "abi", "answer"),
    [
        (
            "truncate",
            2,
            "fs.truncate: not before ABI 3 (Linux 6.2). On ABI 2, landlock_create_ruleset() "
            "refuses it with EINVAL (documented, not measured).",
        ),
        (
            "fs.ioctl_dev",
            3,
            "fs.ioctl_dev: not before ABI 5 (Linux 6.10). On ABI 3, landlock_create_ruleset() "
            "refuses it with EINVAL (measured on 6.6).",
        ),
        (
            "scope.signal",
            4,
            "scope.signal: not before ABI 6 (Linux 6.12). On ABI 4, landlock_create_ruleset() "
            "refuses it with E2BIG (documented, not measured).",
        ),
        (
            "tsync",
            8,
            "restrict.tsync: yes. On ABI 8, it is there: from ABI 8 (Linux 7.0) on (measured on "
            "7.0).",
        ),
        (
            "create.errata",
            2,
            "create.errata: ask the kernel. On ABI 2, some builds have it as a backport; in the "
            "others, landlock_create_ruleset() refuses it with EINVAL.",
        ),
        (
            "net.bind_tcp",
            0,
            "net.bind_tcp: not before ABI 4 (Linux 6.7). Without Landlock, all calls fail with "
            "ENOSYS (not built) or EOPNOTSUPP (disabled at boot).",
        ),
    ],
)
def test_of_an_abi_version(text: str, abi: int, answer: str) -> None:
    assert page(text, of_abi(ZOO, abi)).title == answer


def test_what_to_do_without_a_feature_comes_next() -> None:
    assert page("truncate", of_abi(ZOO, 2)).lines == (
        "Leave it out of handled_access_fs. A domain then does not restrict truncating a file: "
        "tell the caller so, or refuse if the caller insists on it.",
    )
    assert page("refer", of_abi(ZOO, 1)).lines[0].endswith("and no rule can allow one.")
    assert page("truncate", of_abi(ZOO, 0)).lines == (told.NOTHING,)
    assert page("truncate", of_abi(ZOO, 3)).lines == ()
    assert page("execute").lines == ()


def test_of_no_kernel_in_particular() -> None:
    shown = page("net.bind_udp")
    assert shown.title == (
        "net.bind_udp: from ABI 10 (Linux 7.2) on. Before, landlock_create_ruleset() refuses it "
        "with E2BIG (ABI 1 to 3) or EINVAL (ABI 4 to 9)."
    )
    rows = tables(shown, "By ABI version")
    assert [row[0] for row in rows] == [*ZOO.abis]
    assert rows[0][2:] == ("landlock_create_ruleset: E2BIG", "documented, not measured")
    assert rows[-1][2:] == ("provides it", "documented, not measured")


@pytest.mark.parametrize(
    ("release", "abi", "mainline"),
    [
        ("5.12", 0, "5.12"),
        ("5.13", 1, "5.13"),
        ("6.1", 2, "6.1"),
        ("v6.1", 2, "6.1"),
        ("6.8.12", 4, "6.8.12"),
        ("6.12.43+deb13-amd64", 6, "6.12.43"),
        ("7.3", 11, "7.3"),
        ("7.3.9", 11, "7.3.9"),
        ("7.9", 11, "7.9"),
        ("6.1.0-57-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-26)", 2, "6.1.192"),
    ],
)
def test_a_release_of_mainline_tells_its_abi_version(release: str, abi: int, mainline: str) -> None:
    asked = of_kernel(SIX, release)
    assert (asked.abi, asked.mainline, asked.measured) == (abi, mainline, "")
    assert asked.newer == (release == "7.9")
    assert "by its release" in asked.where


@pytest.mark.parametrize(
    "release", ["5.14.0-611.el9", "6.8.0-45-generic", "6", "", "six", "7.4-rc1"]
)
def test_another_release_does_not(release: str) -> None:
    with pytest.raises(UsageError, match="does not tell which ABI version"):
        of_kernel(SIX, release)


@pytest.mark.parametrize("release", ["6.12.90+deb13-amd64", "6.12.90"])
def test_a_kernel_that_was_measured_is_known_by_that(release: str) -> None:
    asked = of_kernel(SIX, release)
    assert (asked.measured, asked.abi) == ("6.12", 6)
    assert page("truncate", asked, SIX).title == (
        "fs.truncate: yes. On Linux 6.12.90+deb13-amd64 (ABI 6), it was seen to work."
    )


@pytest.mark.parametrize(
    ("release", "text", "answer"),
    [
        (
            "5.14.0-611.5.1.el9_7",
            "scope.signal",
            "no, though the kernel claims it. On Linux 5.14.0-611.5.1.el9_7 (ABI 6), "
            "landlock_create_ruleset() refuses it with EINVAL (measured).",
        ),
        (
            "6.12.9-udp",
            "net.bind_udp",
            "yes, though it came with ABI 10 (Linux 7.2). On Linux 6.12.9-udp (ABI 6), it was "
            "accepted without a claim.",
        ),
        (
            "6.6.13+bpo-amd64",
            "tsync",
            "not before ABI 8 (Linux 7.0). On Linux 6.6.13+bpo-amd64 (ABI 3), "
            "landlock_restrict_self() refuses it with EINVAL (measured).",
        ),
    ],
)
def test_what_a_measured_kernel_did_goes_before_its_claim(
    release: str, text: str, answer: str
) -> None:
    asked = of_kernel(ZOO, release)
    assert page(text, asked).title == f"{only(ZOO, text).name}: {answer}"


def test_a_right_that_fails_otherwise_is_told_by_what_was_seen() -> None:
    odd = CaseRecord(
        id="claims/x",
        verdict=Verdict.DEVIATES,
        covers=["fs.truncate"],
        observed=Denied(errno="EIO"),
    )
    target = more(kernel("vm:6.6", "6.6.13", 3), odd)
    compat = build(run(target))
    shown = page("truncate", of_kernel(compat, "6.6.13"), compat)
    assert shown.title.endswith("(ABI 3), who asks for it gets: EIO (measured).")


def test_the_bugs_of_a_kernel_go_by_its_release_or_by_what_was_seen() -> None:
    old = told.page(ZOO, None, of_kernel(ZOO, "6.12.80"))
    assert old.title == (
        "Linux 6.12.80 (ABI 6 by its release): 2 known bugs, 2 of which let a sandbox escape or "
        "use freed memory."
    )
    assert [(row[0], row[-1]) for row in tables(old, "Known bugs")] == [
        ("tcp-fast-open-bypass", "by its release"),
        ("erratum 4", "by its release"),
    ]
    liar = told.page(ZOO, None, of_kernel(ZOO, "7.1.2-liar"))
    assert [(row[0], row[-1]) for row in tables(liar, "Known bugs")] == [("erratum 4", "seen")]
    new = told.page(ZOO, None, of_kernel(ZOO, "7.3"))
    assert new.title == "Linux 7.3 (ABI 11 by its release): no known bug."
    assert tables(new, "What it lacks") == []


def test_a_bug_is_told_of_a_kernel() -> None:
    assert page("tcp-fast-open-bypass", of_kernel(ZOO, "6.12.80")).title == (
        "tcp-fast-open-bypass: TCP Fast Open connects to any port. Linux 6.12.80 has it (by its "
        "release): it is of 6.7 and later, fixed in 7.2, 6.12.112. No ABI version and no erratum "
        "tells."
    )
    gone = page("tcp-fast-open-bypass", of_kernel(ZOO, "6.12.112")).title
    assert "Linux 6.12.112 does not have it" in gone


def test_an_abi_version_lists_its_masks_and_what_it_lacks() -> None:
    shown = told.page(ZOO, None, of_abi(ZOO, 9))
    assert shown.title == "ABI 9: from Linux 7.1 on; it brought fs.resolve_unix."
    lacks = [row[:3] for row in tables(shown, "What it lacks")]
    assert ("add_rule.quiet", "10", "add_rule: EINVAL") in lacks
    assert len(lacks) == 4
    (entry,) = (it for it in shown.sections[0].parts if isinstance(it, Entry))
    assert ("handled_access_fs", "0x1ffff") in entry.lines


def test_how_much_of_a_struct_an_abi_version_knows() -> None:
    assert page("landlock_ruleset_attr", of_abi(ZOO, 5)).title == (
        "landlock_ruleset_attr: 48 bytes, of which ABI 5 knows 16, taken by "
        "landlock_create_ruleset(2)."
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fs.trunkate"], "no feature 'fs.trunkate'; near are: fs.truncate"),
        (["bind"], "no feature 'bind'; near are: net.bind_tcp, net.bind_udp"),
        (["?"], "no feature '?'; landproof compat lists them all"),
        (["--abi", "99"], "no ABI 99: the data know ABI 1 to"),
        (["--kernel", "el9"], "'el9' does not tell which ABI version it has"),
        (["--abi", "1", "--kernel", "6.1"], "not allowed with argument"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["compat", *arguments])
    except SystemExit as ended:  # argparse's
        code = int(ended.code or 0)
    assert code == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_at_the_terminal_the_answer_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compat", "fs.truncate", "--abi", "2"]) == Exit.CONFORMS
    out = capsys.readouterr().out
    assert out.startswith("fs.truncate: not before ABI 3 (Linux 6.2). On ABI 2,")
    assert main(["compat", "fs.truncate", "--abi", "2", "--json"]) == Exit.CONFORMS
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["lacks"], found["asked"]["abi"]) == ("fs.truncate", True, 2)
    assert found["feature"]["by_abi"]["2"]["errno"] == "EINVAL"


PAGE = Path(__file__).parents[1] / "docs" / "compat.md"
COMMANDS = re.findall(r"^(landproof compat[^#\n]*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", [it for it in COMMANDS if "--results" not in it])
def test_the_commands_of_the_page_work(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)[1:]) == Exit.CONFORMS
    assert capsys.readouterr().out


def test_the_page_shows_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    main(shlex.split(COMMANDS[0])[1:])
    answer, *_ = capsys.readouterr().out.splitlines()
    assert f"\n{answer}\n" in PAGE.read_text(encoding="utf-8")


def test_results_of_ones_own_are_asked_in_place_of_the_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    save(path, compat_zoo())
    asked = ["compat", "fs.ioctl_dev", "--abi", "3", "--json", "--results", str(path)]
    assert main(asked) == Exit.CONFORMS
    assert json.loads(capsys.readouterr().out)["feature"]["by_abi"]["3"]["kernels"] == ["6.6"]
