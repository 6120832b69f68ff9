# SPDX-License-Identifier: MIT
"""Rules are tied to inodes: other names of a file, and what takes the place of one.

Source: get_inode_object() and is_access_to_paths_allowed() in security/landlock/fs.c;
Documentation/userspace-api/landlock.rst, "Landlock rules".
"""

import os
from collections.abc import Callable, Mapping

from suite.case import FS, Allowed, Case, Denied, Judge, Process, Tree, since, table

READ, WRITE, READ_DIR, MAKE = FS.READ_FILE, FS.WRITE_FILE, FS.READ_DIR, FS.MAKE_REG
FOLDER = os.O_RDONLY | os.O_DIRECTORY
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))


class Opened(Case, frozen=True, kw_only=True):
    """The rules of the one layer, and what is opened."""

    handled: FS = READ | WRITE
    rules: Mapping[str, FS]
    path: str
    flags: int = os.O_RDONLY


LINKS = {
    "link-of-a-file-with-a-rule": Opened(
        rules={"d1/file": READ},
        path="d2/link",
        expect=ALLOWED,
        answers="inode-hardlink-file-rule",
    ),
    "link-of-a-file-with-a-rule-other-right": Opened(
        rules={"d1/file": READ},
        path="d2/link",
        flags=os.O_WRONLY,
        expect=DENIED,
        answers="inode-hardlink-file-rule",
    ),
    "file-beside-a-link": Opened(
        rules={"d1/file": READ}, path="d2/file", expect=DENIED, answers="inode-hardlink-file-rule"
    ),
    "name-in-the-first-folder": Opened(
        rules={"d1": READ, "d2": WRITE},
        path="d1/file",
        expect=ALLOWED,
        answers="inode-hardlink-dir-rules",
    ),
    "name-in-the-first-folder-other-right": Opened(
        rules={"d1": READ, "d2": WRITE},
        path="d1/file",
        flags=os.O_WRONLY,
        expect=DENIED,
        answers="inode-hardlink-dir-rules",
    ),
    "name-in-the-second-folder": Opened(
        rules={"d1": READ, "d2": WRITE},
        path="d2/link",
        flags=os.O_WRONLY,
        expect=ALLOWED,
        answers="inode-hardlink-dir-rules",
    ),
    "name-in-the-second-folder-other-right": Opened(
        rules={"d1": READ, "d2": WRITE},
        path="d2/link",
        expect=DENIED,
        answers="inode-hardlink-dir-rules",
    ),
    "a-rule-by-each-name": Opened(
        rules={"d1/file": READ, "d2/link": WRITE},
        path="d1/file",
        flags=os.O_RDWR,
        expect=ALLOWED,
        answers="inode-two-links-two-rules",
    ),
    "file-in-denied-folders": Opened(
        rules={"d1/sub/file": READ},
        path="d1/sub/file",
        expect=ALLOWED,
        answers="inode-deep-rule-on-exact-file",
    ),
    "folder-of-a-file-with-a-rule": Opened(
        handled=READ | READ_DIR,
        rules={"d1/sub/file": READ},
        path="d1/sub",
        flags=FOLDER,
        expect=DENIED,
        answers="inode-deep-rule-on-exact-file",
    ),
}


@table(LINKS)
def test_links(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a file holds by every name of it; one on a folder by the names beneath."""
    process.link(tree.file, f"{tree.d2}/link")
    action = (Process.open, f"{tree.path}/{case.path}", case.flags)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(*action), control)


def replace(process: Process, tree: Tree) -> None:
    process.rename(tree.other, tree.file)


def move_file(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d2}/moved")


def move_folder(process: Process, tree: Tree) -> None:
    process.rename(tree.d2, f"{tree.d1}/moved")
    process.mkdir(tree.d2)
    process.write_file(tree.other, b"new")


def remake_folder(process: Process, tree: Tree) -> None:
    process.unlink(tree.sub_file)
    process.rmdir(tree.sub)
    process.mkdir(tree.sub)
    process.write_file(tree.sub_file, b"new")


def remake_file(process: Process, tree: Tree) -> None:
    process.unlink(tree.file)
    process.write_file(tree.file, b"new")


class Changed(Opened, frozen=True, kw_only=True):
    """What a process outside of the domain changes once it is enforced."""

    change: Callable[[Process, Tree], object]


SUB = {"d1/sub": READ | READ_DIR | MAKE}
CHANGES = {
    "replaced-file": Changed(
        change=replace,
        rules={"d1/file": READ},
        path="d1/file",
        expect=DENIED,
        answers="inode-replaced-by-rename",
    ),
    "moved-file": Changed(
        change=move_file,
        rules={"d1/file": READ},
        path="d2/moved",
        expect=ALLOWED,
        answers="inode-replaced-by-rename",
    ),
    "moved-folder": Changed(
        change=move_folder,
        rules={"d2": READ},
        path="d1/moved/file",
        expect=ALLOWED,
        answers="inode-moved-dir-follows",
    ),
    "folder-in-place-of-a-moved-one": Changed(
        change=move_folder,
        rules={"d2": READ},
        path="d2/file",
        expect=DENIED,
        answers="inode-moved-dir-follows",
    ),
    "list-remade-folder": Changed(
        change=remake_folder,
        handled=READ | READ_DIR | MAKE,
        rules=SUB,
        path="d1/sub",
        flags=FOLDER,
        expect=DENIED,
        answers="inode-removed-dir-recreated",
    ),
    "open-in-remade-folder": Changed(
        change=remake_folder,
        handled=READ | READ_DIR | MAKE,
        rules=SUB,
        path="d1/sub/file",
        expect=DENIED,
        answers="inode-removed-dir-recreated",
    ),
    "create-in-remade-folder": Changed(
        change=remake_folder,
        handled=READ | READ_DIR | MAKE,
        rules=SUB,
        path="d1/sub/new",
        flags=os.O_WRONLY | os.O_CREAT,
        expect=DENIED,
        answers="inode-removed-dir-recreated",
    ),
    "remade-file": Changed(
        change=remake_file,
        rules={"d1/file": READ},
        path="d1/file",
        expect=DENIED,
        answers="inode-unlinked-file-rule",
    ),
}


@table(CHANGES)
def test_changes(case: Changed, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule follows a file that moves, and does not hold for what takes its place."""
    action = (Process.open, f"{tree.path}/{case.path}", case.flags)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    case.change(process, tree)
    observed = sandboxed.observe(*action)
    judge(case.expect, observed, process.observe(*action))
