# SPDX-License-Identifier: MIT
"""The rules of Landlock as pure functions: what their sources say in words, as examples."""

import errno
import socket
import stat
from dataclasses import replace

import pytest

from suite.landlock.abi import FS, NET, RESTRICT, SCOPE, Erratum
from suite.model import calls, log, moves, paths, ports, scopes
from suite.model.landlock import Domain, Layer, Masks, Model, Rule, Ruleset, Subject
from suite.model.paths import Place

NEWEST = Model(11, frozenset(Erratum))
ROOT, TOP, INNER, FILE = "root", "top", "inner", "file"
HERE = Place((FILE, INNER, TOP, ROOT), ROOT)
"""The file /top/inner/file."""


def domain(*rulesets: Ruleset) -> Domain:
    """One layer a ruleset."""
    return tuple(Layer(it) for it in rulesets)


def subject(*rulesets: Ruleset) -> Subject:
    """Who has enforced these."""
    layers = domain(*rulesets)
    return Subject(layers, frozenset(layers))


def files(handled: FS, **rules: FS) -> Ruleset:
    """A ruleset with rules on files by name."""
    made = Ruleset(Masks(fs=int(handled)))
    for name, access in rules.items():
        made = made.with_file(name, Rule(int(access)))
    return made


def may(who: Subject, right: FS, place: Place = HERE, model: Model = NEWEST) -> bool:
    """Whether a right on a file is allowed."""
    return paths.check(model, who, place, int(right)) is None


def test_what_is_handled_is_denied_unless_a_rule_allows_it() -> None:
    who = subject(files(FS.READ_FILE | FS.WRITE_FILE, top=FS.READ_FILE))
    assert may(who, FS.READ_FILE)
    assert not may(who, FS.WRITE_FILE)
    assert may(who, FS.EXECUTE)


def test_rules_of_one_layer_allow_together() -> None:
    who = subject(files(FS.READ_FILE | FS.WRITE_FILE, top=FS.READ_FILE, inner=FS.WRITE_FILE))
    assert may(who, FS.READ_FILE | FS.WRITE_FILE)
    with_bug = replace(NEWEST, bugs=frozenset({"rule-unions"}))
    assert not may(who, FS.READ_FILE | FS.WRITE_FILE, model=with_bug)


def test_every_layer_has_to_allow() -> None:
    reads, denies = files(FS.READ_FILE, top=FS.READ_FILE), files(FS.READ_FILE)
    assert not may(subject(reads, denies), FS.READ_FILE)
    assert not may(subject(denies, reads), FS.READ_FILE)


def test_the_walk_goes_on_above_a_mount_and_skips_what_it_hides() -> None:
    point = Place(("hidden", TOP, ROOT), ROOT)
    mounted = Place((FILE, "mounted"), "mounted", point)
    assert list(paths.up(NEWEST, mounted)) == [FILE, "mounted", TOP, ROOT]


def test_a_file_that_left_its_mount_is_judged_by_the_mount() -> None:
    left = Place((FILE, "elsewhere"), "mounted", Place(("point", ROOT), ROOT))
    assert list(paths.up(NEWEST, left)) == [FILE, "elsewhere", "mounted", ROOT]
    unfixed = replace(NEWEST, errata=frozenset())
    assert list(paths.up(unfixed, left)) == [FILE, "elsewhere"]


def test_whiteouts_are_files() -> None:
    assert paths.making(NEWEST, stat.S_IFCHR, 0) == FS.MAKE_REG
    assert paths.making(replace(NEWEST, errata=frozenset()), stat.S_IFCHR, 0) == FS.MAKE_CHAR
    assert paths.making(NEWEST, stat.S_IFCHR, 0x103) == FS.MAKE_CHAR


def moved(who: Subject, model: Model = NEWEST) -> str:
    """What renaming /top/inner/file to /other/file comes to."""
    asked = moves.Move(
        moves.Entry(FILE, stat.S_IFREG),
        Place((INNER, TOP, ROOT), ROOT),
        Place(("other", ROOT), ROOT),
        removes=True,
    )
    denial = moves.move(model, who, asked)
    return errno.errorcode[denial.errno] if denial else "allowed"


BOTH = FS.REFER | FS.REMOVE_FILE | FS.MAKE_REG


@pytest.mark.parametrize(
    ("ruleset", "owed"),
    [
        pytest.param(files(BOTH, root=BOTH), "allowed", id="all"),
        pytest.param(files(BOTH, top=BOTH), "EACCES", id="not-made-there"),
        pytest.param(files(BOTH ^ FS.REFER, root=BOTH ^ FS.REFER), "EXDEV", id="refer-unhandled"),
        pytest.param(
            files(BOTH | FS.EXECUTE, root=BOTH, other=FS.EXECUTE), "EXDEV", id="would-gain"
        ),
        pytest.param(
            files(BOTH | FS.EXECUTE, root=BOTH, other=FS.EXECUTE, file=FS.EXECUTE),
            "allowed",
            id="has-it-already",
        ),
        pytest.param(
            files(BOTH | FS.EXECUTE, root=BOTH, inner=FS.EXECUTE), "allowed", id="would-lose"
        ),
    ],
)
def test_a_file_must_not_gain_by_moving(ruleset: Ruleset, owed: str) -> None:
    assert moved(subject(ruleset)) == owed
    assert moved(subject(ruleset), Model(1)) == "EXDEV"


def test_a_layer_about_ports_alone_forbids_moves_of_restricted_files() -> None:
    ports_alone = Ruleset(Masks(net=int(NET.BIND_TCP)))
    assert moved(subject(ports_alone)) == "allowed"
    assert moved(subject(files(BOTH, root=BOTH), ports_alone)) == "EXDEV"


def test_an_open_file_keeps_what_was_decided() -> None:
    who = subject(files(FS.READ_FILE | FS.TRUNCATE, top=FS.READ_FILE))
    opening = paths.Opening(is_dir=False, is_device=False, reads=True, writes=False, executes=False)
    denial, opened = paths.open_file(NEWEST, who, HERE, opening)
    assert denial is None
    denied = paths.use_opened(opened, FS.TRUNCATE)
    assert denied
    assert denied.errno == errno.EACCES
    assert log.blockers(denied.causes[0]) == "fs.truncate"


TCP = ports.Socket(socket.AF_INET, is_tcp=True, is_stream=True)
MPTCP = replace(TCP, is_tcp=False)


def inet(port: int) -> bytes:
    """A struct sockaddr_in."""
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes(12)


def test_ports_are_denied_by_number() -> None:
    ruleset = Ruleset(Masks(net=int(NET.BIND_TCP))).with_port(80, Rule(int(NET.BIND_TCP)))
    who = subject(ruleset)
    assert ports.bind(NEWEST, who, TCP, inet(80)) is None
    denial = ports.bind(NEWEST, who, TCP, inet(81))
    assert denial
    assert denial.errno == errno.EACCES
    assert ports.connect(NEWEST, who, TCP, inet(81)) is None
    assert ports.bind(NEWEST, who, MPTCP, inet(81)) is None
    assert ports.bind(replace(NEWEST, errata=frozenset()), who, MPTCP, inet(81))


def test_scopes_end_at_the_layer_that_has_them() -> None:
    inner = Ruleset(Masks(scope=int(SCOPE.SIGNAL)))
    outer = files(FS.EXECUTE)
    shared = domain(outer)
    sender = Subject((*shared, Layer(inner)))
    child = Subject((*sender.domain, Layer(outer)))
    assert scopes.signal(NEWEST, sender, Subject(shared), same_process=False)
    assert scopes.signal(NEWEST, sender, child, same_process=False) is None
    assert scopes.signal(NEWEST, child, sender, same_process=False) is None
    assert scopes.signal(NEWEST, sender, Subject(), same_process=True) is None
    assert scopes.trace(sender, child) is None
    assert scopes.trace(child, sender)


def test_seventeen_layers_are_too_many() -> None:
    who, ruleset = Subject(), files(FS.EXECUTE)
    for _ in range(16):
        who = calls.restrict(NEWEST, who, ruleset, 0).subject
    with pytest.raises(calls.Refused, match="E2BIG"):
        calls.restrict(NEWEST, who, ruleset, 0)


def test_logs_are_turned_off_for_later_layers() -> None:
    ruleset = files(FS.READ_FILE)
    off = calls.restrict(NEWEST, Subject(), None, int(RESTRICT.LOG_SUBDOMAINS_OFF)).subject
    who = calls.restrict(NEWEST, off, ruleset, 0).subject
    denial = paths.check(NEWEST, who, HERE, int(FS.READ_FILE))
    assert denial
    assert not log.is_logged(NEWEST, denial.causes[0])
    plain = paths.check(NEWEST, subject(ruleset), HERE, int(FS.READ_FILE))
    assert plain
    assert log.is_logged(NEWEST, plain.causes[0])
    assert log.blockers(plain.causes[0]) == "fs.read_file"
