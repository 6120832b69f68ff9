# SPDX-License-Identifier: MIT
"""What a client asked for, from the lines that the agent tells of its calls."""

import struct

from suite.clients.view import Refusal, read
from suite.landlock.abi import FS, NET, RESTRICT, SCOPE
from suite.landlock.ruleset import Ruleset

READ = struct.pack("=Q", FS.READ_FILE).hex()
ALL = struct.pack("=3Q", FS.READ_FILE, NET.BIND_TCP, SCOPE.SIGNAL).hex()


def create(thread: int, fd: int, attr: str, flags: int = 0) -> str:
    return f"call {thread} 444 {fd} 7ffe0000 {len(attr) // 2:x} {flags:x} 0 {attr} "


def restrict(thread: int, fd: int, flags: int = 0, result: int = 0) -> str:
    return f"call {thread} 446 {result} {fd:x} {flags:x} 0 0 - "


def rule(fd: int, kind: int, memory: bytes, path: str = "", result: int = 0) -> str:
    return f"call 7 445 {result} {fd:x} {kind:x} 7ffe0000 0 {memory.hex()} {path}"


def test_a_ruleset_with_rules() -> None:
    """The mask of each field, paths with blanks in their names, ports."""
    view = read(
        [
            create(7, 3, ALL),
            rule(3, 1, struct.pack("=Qi4x", FS.READ_FILE, 5), "/srv/my files"),
            rule(3, 2, struct.pack("=QQ", NET.BIND_TCP, 80)),
            restrict(7, 3),
            "ours 7",
        ]
    )
    ruleset = Ruleset(fs=FS.READ_FILE, net=NET.BIND_TCP, scope=SCOPE.SIGNAL)
    allowed = ruleset.allow("/srv/my files", FS.READ_FILE).allow_port(80, NET.BIND_TCP)
    assert view.layers == (allowed,)
    assert view.handled == {"fs.read_file", "net.bind_tcp", "scope.signal"}
    assert view.refusals == ()


def test_what_was_refused_is_in_no_domain() -> None:
    """A client may try less; a query of the version is no request."""
    view = read(
        [
            "call 7 444 6 0 0 1 0 - ",
            create(7, -22, ALL),
            create(7, 3, READ),
            rule(3, 1, struct.pack("=Qi4x", FS.READ_FILE, 5), "/srv", result=-22),
            restrict(7, 3, result=-1),
            "ours 7",
        ]
    )
    assert view.layers == ()
    assert view.probes == 1
    assert view.refusals == (
        Refusal(
            "landlock_create_ruleset", "EINVAL", ("fs.read_file", "net.bind_tcp", "scope.signal")
        ),
        Refusal("landlock_add_rule", "EINVAL", ("fs.read_file",)),
        Refusal("landlock_restrict_self", "EPERM"),
    )  # fmt: skip


def test_only_the_domain_of_what_was_started_counts() -> None:
    """A child has its parent's domain from when it was made; another thread's is its own."""
    lines = [
        create(7, 3, READ),
        "clone 7 8",
        restrict(7, 3),
        "clone 7 9",
        "exec 9 9",
    ]
    assert read([*lines, "ours 9"]).handled == {"fs.read_file"}
    assert read([*lines, "ours 8"]).layers == ()


def test_a_thread_that_executes_becomes_the_process() -> None:
    """The domain goes with the thread, which has another number then."""
    view = read(["clone 7 8", create(8, 3, READ), restrict(8, 3), "exec 7 8", "ours 7"])
    assert view.handled == {"fs.read_file"}


def test_tsync_is_for_all_threads() -> None:
    """And it is a flag that was asked for."""
    view = read(["clone 7 8", create(8, 3, READ), restrict(8, 3, RESTRICT.TSYNC), "ours 7"])
    assert view.handled == {"fs.read_file", "restrict.tsync"}


def test_a_program_that_starts_nothing() -> None:
    """Of one that restricts itself alone, what restricted itself most counts."""
    lines = [create(7, 3, READ), restrict(7, 3), create(7, 4, ALL), restrict(7, 4)]
    assert read(lines).handled == {"fs.read_file", "net.bind_tcp", "scope.signal"}
    assert read([]).layers == ()
