# SPDX-License-Identifier: MIT
"""Reparenting where what is moved, or can be done beneath it, would be allowed more.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER, "may not gain more access rights";
no_more_access() in security/landlock/fs.c.
"""

import os
import socket
from collections.abc import Callable, Mapping

from cases.fs.moves import EXCHANGE, link, rename
from suite.case import (
    FS, Allowed, Case, Denied, Judge, Process, Tree, answers, covers, since, table, unix,
)  # fmt: skip
from suite.landlock.abi import FS_FILE

REFER, READ, WRITE = FS.REFER, FS.READ_FILE, FS.WRITE_FILE
MAKE, REMOVE = FS.MAKE_REG, FS.REMOVE_FILE
ALLOWED = since(REFER, Allowed())
EXDEV = since(REFER, Denied("EXDEV"))

BEHAVIOURS = {
    FS.TRUNCATE: "refer-gain-truncate",
    FS.IOCTL_DEV: "refer-gain-ioctl-on-regular",
    FS.RESOLVE_UNIX: "refer-gain-resolve-unix-on-regular",
}


def prepare(process: Process, tree: Tree) -> None:
    """A few more kinds of things in d1."""
    process.symlink("file", f"{tree.d1}/symlink")
    process.mkfifo(f"{tree.d1}/fifo")
    process.server(socket.AF_UNIX, socket.SOCK_DGRAM, unix(f"{tree.d1}/socket"))


class Gain(Case, frozen=True, kw_only=True):
    """A call that takes something from d1 to d2, in one layer."""

    call: Callable[[Process, Tree], object]
    handled: FS
    rules: Mapping[str, FS]


CASES = {
    "read-file": Gain(
        call=rename(),
        handled=REFER | MAKE | REMOVE | READ,
        rules={"d1": REFER | REMOVE, "d2": REFER | MAKE | READ},
        expect=EXDEV,
        answers="refer-gain-file-right",
    ),
    "read-file-by-link": Gain(
        call=link(),
        handled=REFER | MAKE | REMOVE | READ,
        rules={"d1": REFER | REMOVE, "d2": REFER | MAKE | READ},
        expect=EXDEV,
        answers="refer-gain-file-right",
    ),
    "read-file-alone-handled": Gain(
        call=rename(),
        handled=REFER | READ,
        rules={"d1": REFER, "d2": REFER | READ},
        expect=EXDEV,
        answers="refer-gain-unneeded-op-right",
    ),
    "loses-read-file": Gain(
        call=rename(),
        handled=REFER | READ,
        rules={"d1": REFER | READ, "d2": REFER},
        expect=ALLOWED,
        answers=("refer-lose-rights-ok", "refer-gain-unneeded-op-right"),
    ),
    "had-it-by-its-own-rule": Gain(
        call=rename(),
        handled=REFER | READ,
        rules={"d1": REFER, "d1/file": READ, "d2": REFER | READ},
        expect=ALLOWED,
        answers="refer-gain-child-has-own-rule",
    ),
    "had-it-by-its-own-rule-link": Gain(
        call=link(),
        handled=REFER | READ,
        rules={"d1": REFER, "d1/file": READ, "d2": REFER | READ},
        expect=ALLOWED,
        answers="refer-gain-child-has-own-rule",
    ),
    "comes-in-exchange": Gain(
        call=EXCHANGE,
        handled=REFER | READ,
        rules={"d1": REFER | READ, "d2": REFER},
        expect=EXDEV,
        answers="refer-exchange-both-directions",
    ),
    "comes-in-exchange-had-it-by-its-own-rule": Gain(
        call=EXCHANGE,
        handled=REFER | READ,
        rules={"d1": REFER | READ, "d2": REFER, "d2/file": READ},
        expect=ALLOWED,
        answers="refer-gain-child-has-own-rule",
    ),
    "swaps-one-right-for-another": Gain(
        call=rename(),
        handled=REFER | READ | WRITE,
        rules={"d1": REFER | READ, "d2": REFER | WRITE},
        expect=EXDEV,
    ),
    "read-dir-and-make-sym-file": Gain(
        call=rename(),
        handled=REFER | FS.READ_DIR | FS.MAKE_SYM,
        rules={"d1": REFER, "d2": REFER | FS.READ_DIR | FS.MAKE_SYM},
        expect=ALLOWED,
        answers="refer-gain-dir-right-file-ok",
    ),
    "read-dir-and-make-sym-folder": Gain(
        call=rename("d1/sub"),
        handled=REFER | FS.READ_DIR | FS.MAKE_SYM,
        rules={"d1": REFER, "d2": REFER | FS.READ_DIR | FS.MAKE_SYM},
        expect=EXDEV,
        answers="refer-gain-dir-right-file-ok",
    ),
    "execute-symlink": Gain(
        call=link("d1/symlink"),
        handled=REFER | FS.EXECUTE,
        rules={"d1": REFER, "d2": REFER | FS.EXECUTE},
        expect=EXDEV,
        answers="refer-gain-execute-on-symlink",
    ),
    "execute-fifo": Gain(
        call=link("d1/fifo"),
        handled=REFER | FS.EXECUTE,
        rules={"d1": REFER, "d2": REFER | FS.EXECUTE},
        expect=EXDEV,
        answers="refer-gain-execute-on-symlink",
    ),
    "execute-socket": Gain(
        call=link("d1/socket"),
        handled=REFER | FS.EXECUTE,
        rules={"d1": REFER, "d2": REFER | FS.EXECUTE},
        expect=EXDEV,
        answers="refer-gain-execute-on-symlink",
    ),
    "resolve-unix-socket": Gain(
        call=link("d1/socket"),
        handled=REFER | FS.RESOLVE_UNIX,
        rules={"d1": REFER, "d2": REFER | FS.RESOLVE_UNIX},
        expect=since(REFER | FS.RESOLVE_UNIX, Denied("EXDEV")),
        answers="refer-gain-resolve-unix-on-regular",
    ),
}


def one_more(right: FS, call: Callable[[Process, Tree], object], *, harmless: bool) -> Gain:
    """A call whose destination allows one right more."""
    return Gain(
        call=call,
        handled=REFER | right,
        rules={"d1": REFER, "d2": REFER | right},
        expect=since(REFER | right, Allowed() if harmless else Denied("EXDEV")),
        answers=BEHAVIOURS.get(right, ()),
    )


def spelt(right: FS) -> str:
    return right.labels[0].removeprefix("fs.").replace("_", "-")


EACH_RIGHT = {
    f"regular-file-{spelt(right)}": one_more(right, link(), harmless=right not in FS_FILE)
    for right in FS
    if right is not REFER
} | {
    f"folder-{spelt(right)}": one_more(right, rename("d1/sub"), harmless=False)
    for right in FS
    if right not in (REFER, FS.REMOVE_DIR)  # needed in the source
}


@covers(FS.REFER)
@table(CASES | EACH_RIGHT)
def test_gain(case: Gain, process: Process, tree: Tree, judge: Judge) -> None:
    """What is reparented may lose rights, but not gain one that means something for its kind."""
    twin = tree.twin()
    prepare(process, tree)
    prepare(process, twin)
    control = process.observe(case.call, twin)
    layer = tree.layer(case.handled, case.rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)


@answers("refer-lose-rights-ok")
@covers(FS.REFER)
def test_lost(process: Process, tree: Tree, judge: Judge) -> None:
    """A file is no longer allowed what its new folder does not allow."""
    control = process.observe(Process.open, tree.other, os.O_RDONLY)
    sandboxed = process.under(tree.layer(REFER | READ, {"d1": REFER | READ, "d2": REFER}))
    sandboxed.rename(tree.file, f"{tree.d2}/new")
    observed = sandboxed.observe(Process.open, f"{tree.d2}/new", os.O_RDONLY)
    judge(since(REFER | READ, Denied("EACCES")), observed, control)


@answers("refer-lose-rights-ok")
@covers(FS.REFER)
def test_no_way_back(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that lost a right can't be moved back to where it had it."""
    control = process.observe(Process.rename, tree.other, f"{tree.d1}/control")
    sandboxed = process.under(tree.layer(REFER | READ, {"d1": REFER | READ, "d2": REFER}))
    sandboxed.rename(tree.file, f"{tree.d2}/new")
    judge(EXDEV, sandboxed.observe(Process.rename, f"{tree.d2}/new", tree.file), control)


def link_back(process: Process, tree: Tree) -> None:
    process.link(f"{tree.d2}/link", f"{tree.d1}/again")


def write_through_the_link(process: Process, tree: Tree) -> None:
    process.open(f"{tree.d2}/link", os.O_RDWR)


def write_as_before(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDWR)


class SecondName(Case, frozen=True, kw_only=True):
    """A call on a file that has a link in a folder which allows less."""

    call: Callable[[Process, Tree], object]


SECOND_NAMES = {
    "second-name-link-back": SecondName(call=link_back, expect=EXDEV),
    "second-name-write": SecondName(
        call=write_through_the_link, expect=since(REFER, Denied("EACCES"))
    ),
    "first-name-write": SecondName(call=write_as_before, expect=ALLOWED),
}


@answers("refer-link-back")
@covers(FS.REFER)
@table(SECOND_NAMES)
def test_second_name(case: SecondName, process: Process, tree: Tree, judge: Judge) -> None:
    """Each name of a file is allowed what its own folders allow, whatever the other name is."""
    twin = tree.twin()
    for folder in (tree, twin):
        process.link(folder.file, f"{folder.d2}/link")
    control = process.observe(case.call, twin)
    rules = {"d1": REFER | READ | WRITE, "d2": REFER | READ}
    layer = tree.layer(REFER | READ | WRITE, rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)
