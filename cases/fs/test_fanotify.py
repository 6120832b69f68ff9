# SPDX-License-Identifier: MIT
"""File descriptors that come with the events of fanotify.

Source: hook_file_open() in security/landlock/fs.c, which is called for create_fd() in
fs/notify/fanotify/fanotify_user.c.
"""

import os
import struct

from suite.case import (
    FS, Allowed, Denied, Fd, Judge, Need, Observation, Outcome, Process, Ruleset, Tree, answers,
    covers, needs, since,
)  # fmt: skip
from suite.judge.outcome import errno_name
from suite.process.uapi import FAN_REPORT_FD_ERROR

READ = Ruleset(fs=FS.READ_FILE)
EVENT = 24
"""Bytes of a struct fanotify_event_metadata."""


def read_event(process: Process, group: Fd) -> None:
    process.read(group, EVENT, "IBBHQii")


@answers("async-fanotify-event-fd")
@needs(Need.FANOTIFY)
@covers(FS.READ_FILE)
def test_event(process: Process, tree: Tree, judge: Judge) -> None:
    """Who reads an event opens its file: no event of a file that the reader may not read."""
    group = process.fanotify()
    process.watch_by_fanotify(group, tree.file)
    process.open(tree.file, os.O_RDONLY)
    control = process.observe(read_event, group)
    process.open(tree.file, os.O_RDONLY)
    observed = process.under(READ).observe(read_event, group)
    judge(since(FS.READ_FILE, Denied("EACCES")), observed, control)


def error_of(event: Observation) -> Outcome:
    """What the event has in the place of its file descriptor."""
    if event.outcome != Allowed():
        return event.outcome
    (fd,) = struct.unpack_from("<i", event.calls[-1].data, 16)
    return Allowed() if fd >= 0 else Denied(errno_name(-fd))


@answers("async-fanotify-event-fd")
@needs(Need.FANOTIFY, Need.FANOTIFY_ERRORS)
@covers(FS.READ_FILE)
def test_event_with_error(process: Process, tree: Tree, judge: Judge) -> None:
    """A group that asks for it gets the event, with the error in the place of the fd."""
    group = process.fanotify(FAN_REPORT_FD_ERROR)
    process.watch_by_fanotify(group, tree.file)
    process.open(tree.file, os.O_RDONLY)
    control = error_of(process.observe(read_event, group))
    process.open(tree.file, os.O_RDONLY)
    observed = error_of(process.under(READ).observe(read_event, group))
    judge(since(FS.READ_FILE, Denied("EACCES")), observed, control)
