# SPDX-License-Identifier: MIT
"""tracefs: instances, and the switches, the formats and the pipe of each.

Source: kernel/trace/trace.c, trace_events.c; Documentation/trace/ftrace.rst, events.rst.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from select import POLLIN

from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Dentry, Path, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.landlock_events import TRACED_SINCE
from suite.kernel.nodes import Node, Special, add
from suite.kernel.open_files import File
from suite.kernel.proc.texts import Text, fixed
from suite.kernel.tasks import Task
from suite.kernel.trace import Instance, tracing_of
from suite.kernel.trace_formats import EVENTS, written

_FOLDER, _SECRET = stat.S_IFDIR | 0o750, stat.S_IFREG | 0o640
_READ_ONLY = stat.S_IFREG | 0o440
_ROOM = 8156
"""Of a page for lines, as many as one read gives."""


def _fill(kernel: Kernel, _task: Task, made: Superblock) -> None:
    _fill_instance(kernel, made.root, tracing_of(kernel).instances[0])
    add(made.root, "instances", _FOLDER, Instances())


class Instances(Node):
    """The folder in which mkdir(2) makes an instance."""

    def make_folder(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> None:
        """instance_mkdir()."""
        instance = Instance()
        tracing_of(kernel).instances.append(instance)
        _fill_instance(kernel, add(folder, name, _FOLDER), instance)


def _fill_instance(kernel: Kernel, root: Dentry, instance: Instance) -> None:
    root.inode.node = Node()
    add(root, "tracing_on", _SECRET, _switch(lambda: instance.is_on, _turn(instance)))
    add(root, "trace_clock", _SECRET, Text(lambda *_: "[counter]\n", _empty(instance)))
    add(root, "trace_options", _SECRET, Text(lambda *_: "norecord-cmd\n", _nothing))
    add(root, "trace_pipe", _READ_ONLY, PipeNode(instance))
    events = add(root, "events", _FOLDER, Node())
    if kernel.model.abi < TRACED_SINCE:
        return
    group = add(events, "landlock", _FOLDER, Node())
    add(group, "enable", _SECRET, _enabling(instance, {event.name for event in EVENTS}))
    for event in EVENTS:
        folder = add(group, event.name, _FOLDER, Node())
        add(folder, "enable", _SECRET, _enabling(instance, {event.name}))
        add(folder, "format", _READ_ONLY, fixed(written(event)))
        add(folder, "id", _READ_ONLY, fixed(f"{event.number}\n"))


Store = Callable[[Kernel, File, bytes], None]


def _switch(is_on: Callable[[], bool], store: Store) -> Text:
    return Text(lambda *_: f"{is_on():d}\n", store)


def _bit(data: bytes) -> bool:
    """What is written to a switch.

    Raises:
        Errno: EINVAL.
    """
    word = data.strip()
    if word not in (b"0", b"1"):
        raise Errno(errno.EINVAL)
    return word == b"1"


def _turn(instance: Instance) -> Store:
    def store(kernel: Kernel, _file: File, data: bytes) -> None:
        kernel.free_domains()  # what was before is not told of later
        instance.is_on = _bit(data)

    return store


def _enabling(instance: Instance, names: set[str]) -> Text:
    def store(kernel: Kernel, _file: File, data: bytes) -> None:
        kernel.free_domains()
        if _bit(data):
            instance.enabled |= names
        else:
            instance.enabled -= names

    return Text(lambda *_: _told(names & instance.enabled, names), store)


def _told(enabled: set[str], names: set[str]) -> str:
    """Whether these events are enabled; X if some are (system_enable_read())."""
    return "1\n" if enabled == names else "X\n" if enabled else "0\n"


def _empty(instance: Instance) -> Store:
    """Choosing a clock empties the buffer: tracing_set_clock()."""

    def store(_kernel: Kernel, _file: File, data: bytes) -> None:
        if data.strip() != b"counter":
            raise NotModelled("trace: other clocks than a counter")
        instance.lines.clear()

    return store


def _nothing(_kernel: Kernel, _file: File, data: bytes) -> None:
    if data.strip() != b"norecord-cmd":
        raise NotModelled("trace: options")


@dataclass(eq=False)
class PipeNode(Node):
    """trace_pipe."""

    instance: Instance

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """An open file."""
        return Pipe(path, flags, task.credentials, kernel=kernel, instance=self.instance)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Pipe(Special):
    """Lines are gone once they are read: tracing_read_pipe()."""

    kernel: Kernel
    instance: Instance

    def read(self, size: int) -> bytes:
        """As many whole lines as there is room for."""
        self.kernel.free_domains()
        lines, taken = self.instance.lines, b""
        if not lines:
            if self.flags & os.O_NONBLOCK:
                raise Errno(errno.EAGAIN)
            raise Waits
        room = min(size, _ROOM)
        if len(lines[0]) > room:
            raise NotModelled("trace: a part of a line")
        while lines and len(taken) + len(lines[0]) <= room:
            taken += lines.popleft()
        return taken

    def poll(self) -> int:
        """Whether there is a line."""
        self.kernel.free_domains()
        return POLLIN if self.instance.lines else 0


register(Kind("tracefs", 0o700, _fill, in_user_namespaces=False, is_shared=True))
