# SPDX-License-Identifier: MIT
"""Watching files and folders that can't be opened.

Source: security/landlock/fs.c, which has no hook for inotify(7) and fanotify(7).
"""

import os
from collections.abc import Callable

from cases.fs.everything import everything
from suite.case import (
    FS, Allowed, Denied, Facts, Judge, Need, Process, Row, Ruleset, Seen, Tree, answers, covers,
    needs, since, table,
)  # fmt: skip

IN_CREATE, IN_ALL_EVENTS = 0x100, 0xFFF
EVENT_HEADER = 16
NAME = "secret-name"


def by_inotify(process: Process, path: str) -> None:
    process.watch(process.inotify(), path, IN_ALL_EVENTS)


def by_fanotify(process: Process, path: str) -> None:
    process.watch_by_fanotify(process.fanotify(), path)


class Watch(Row, frozen=True, kw_only=True):
    """A way to watch something."""

    watch: Callable[[Process, str], object]
    path: Callable[[Tree], str]


CASES = {
    "inotify-file": Watch(
        needs=(Need.INOTIFY,),
        watch=by_inotify,
        path=lambda tree: tree.file,
        answers=("free-inotify", "gap-visibility"),
    ),
    "inotify-folder": Watch(
        needs=(Need.INOTIFY,),
        watch=by_inotify,
        path=lambda tree: tree.d1,
        answers=("free-inotify", "gap-visibility"),
    ),
    "fanotify-file": Watch(
        needs=(Need.FANOTIFY,),
        watch=by_fanotify,
        path=lambda tree: tree.file,
        answers="free-fanotify-mark",
    ),
    "fanotify-folder": Watch(
        needs=(Need.FANOTIFY,),
        watch=by_fanotify,
        path=lambda tree: tree.d1,
        answers="free-fanotify-mark",
    ),
}


@table(CASES)
def test_watch(case: Watch, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A file or folder can be watched that can't be opened."""
    observed = process.under(everything(facts)).observe(case.watch, case.path(tree))
    judge(since(FS.READ_FILE, Allowed()), observed)


@needs(Need.INOTIFY)
@covers(FS.READ_DIR)
@answers("free-inotify-leaks-names")
def test_names(process: Process, tree: Tree, judge: Judge) -> None:
    """Who watches a folder hears of the names in it that it can't list."""
    sandboxed = process.under(Ruleset(fs=FS.READ_DIR))
    listing = sandboxed.observe(Process.open, tree.d1, os.O_RDONLY).outcome
    heard = listing
    if listing == Denied("EACCES"):
        inotify = sandboxed.inotify()
        sandboxed.watch(inotify, tree.d1, IN_CREATE)
        process.mkdir(f"{tree.d1}/{NAME}")
        event = sandboxed.read(inotify, 256).data
        heard = Seen(event[EVENT_HEADER:].rstrip(b"\0").decode())
    judge(since(FS.READ_DIR, Seen(NAME)), heard)
