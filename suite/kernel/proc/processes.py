# SPDX-License-Identifier: MIT
"""The folders of processes and threads in /proc. Source: fs/proc/base.c, tgid_base_stuff."""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Dentry, Inode
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.nodes import Node, add, dropped
from suite.kernel.open_files import File
from suite.kernel.permissions import is_in_group
from suite.kernel.proc import fields, idmaps, texts
from suite.kernel.proc.access import may_look, require_attach, require_look, require_memory
from suite.kernel.proc.links import Descriptors, Link, Namespaces
from suite.kernel.proc.memory import MapFiles, MemoryNode
from suite.kernel.proc.texts import Text
from suite.kernel.tasks import PidNamespace, Task

_FOLDER = stat.S_IFDIR | 0o555
NO_ACCESS, INVISIBLE, NOT_PTRACEABLE = 1, 2, 4
"""The values of hidepid."""


@dataclass(frozen=True, slots=True)
class View:
    """What one mount of /proc shows."""

    pids: PidNamespace
    hides: int = 0
    """hidepid: NO_ACCESS, INVISIBLE, NOT_PTRACEABLE, or 0."""
    gid: int = 0
    """Whose members see all."""

    def shows(self, kernel: Kernel, task: Task, target: Task, least: int) -> bool:
        """Whether a process is not hidden (has_pid_permissions)."""
        if self.hides == NOT_PTRACEABLE:
            return may_look(kernel, task, target)
        if self.hides < least or is_in_group(task.credentials, self.gid):
            return True
        return may_look(kernel, task, target)


Content = Callable[[Kernel, Task, Task], str]
"""Given the system, who reads, and of whom."""
Guard = Callable[[Kernel, Task, Task], None]
Make = Callable[[Task], Node]


def _text(content: Content, *, opens: Guard | None = None, reads: Guard | None = None) -> Make:
    """A text; ``opens`` and ``reads`` are asked when it is opened, and when it is read."""

    def make(target: Task) -> Node:
        def guarded(kernel: Kernel, task: Task) -> str:
            if reads is not None:
                reads(kernel, task, target)
            return content(kernel, task, target)

        def check(kernel: Kernel, task: Task, _flags: int) -> None:
            if opens is not None:
                opens(kernel, task, target)

        return Text(guarded, check_open=check)

    return make


def _says(text: str) -> Content:
    return lambda _kernel, _reader, _task: text


def _comm(target: Task) -> Node:
    def store(kernel: Kernel, _file: File, data: bytes) -> None:
        if kernel.current.group is not target.group:
            raise Errno(errno.EINVAL)
        target.name = data[:15].decode(errors="surrogateescape").rstrip("\n")

    return Text(lambda _kernel, _task: f"{target.name}\n", store)


def _kept(key: str, default: str, *, most: int | None = None) -> Make:
    """A number that can be read and set, and does nothing else here."""

    def make(target: Task) -> Node:
        def store(kernel: Kernel, _file: File, data: bytes) -> None:
            text = data.decode(errors="replace").strip()
            if not text.lstrip("-").isdigit():
                raise Errno(errno.EINVAL)
            if most is not None and abs(int(text)) > most:
                raise Errno(errno.EINVAL)
            target.group.extra[key] = f"{int(text)}\n"

        return Text(lambda _kernel, _task: str(target.group.extra.get(key, default)), store)

    return make


def _slack(target: Task) -> Node:
    """timerslack_ns: of others only with CAP_SYS_NICE (timerslack_ns_show)."""

    def check(kernel: Kernel, task: Task) -> None:
        if task is not target and not capable(
            task.credentials, "SYS_NICE", target.credentials.user
        ):
            raise Errno(errno.EPERM)

    def content(kernel: Kernel, task: Task) -> str:
        check(kernel, task)
        return str(target.extra.get("timer slack", "50000\n"))

    def store(kernel: Kernel, _file: File, data: bytes) -> None:
        check(kernel, kernel.current)
        target.extra["timer slack"] = f"{int(data)}\n"

    return Text(content, store)


def _ignored(_target: Task) -> Node:
    return Text(lambda _kernel, _task: "", lambda _kernel, _file, _data: None)


def _environment(_kernel: Kernel, _reader: Task, task: Task) -> str:
    return str(task.group.extra.get("environment", ""))


def _stack_is_shown(kernel: Kernel, task: Task, target: Task) -> None:
    if not capable(task.credentials, "SYS_ADMIN", kernel.user):
        raise Errno(errno.EACCES)
    require_attach(kernel, task, target)


def _wchan(kernel: Kernel, reader: Task, task: Task) -> str:
    return "landproof_wait" if may_look(kernel, reader, task) else "0"


_ZEROS = "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
_FILE = stat.S_IFREG | 0o444
_OWN = stat.S_IFREG | 0o400
_SET = stat.S_IFREG | 0o644
_LINK = stat.S_IFLNK | 0o777
_AUXILIARY = struct.pack("<4Q", 6, PAGE, 0, 0).decode()
"""AT_PAGESZ, and the end of the vector."""
ENTRIES: dict[str, tuple[int, Make]] = {
    "attr": (_FOLDER, lambda _target: Attributes()),
    "auxv": (_OWN, _text(_says(_AUXILIARY), opens=require_memory)),
    "cgroup": (_FILE, _text(_says("0::/\n"))),
    "clear_refs": (stat.S_IFREG | 0o200, _ignored),
    "cmdline": (_FILE, _text(lambda _kernel, _reader, task: f"{task.name}\0")),
    "comm": (_SET, _comm),
    "coredump_filter": (_SET, _kept("coredump filter", "00000033\n")),
    "cwd": (_LINK, lambda target: Link(target, lambda task: task.fs.cwd)),
    "environ": (_OWN, _text(_environment, opens=require_memory)),
    "exe": (_LINK, lambda target: Link(target, lambda task: task.executable)),
    "fd": (stat.S_IFDIR | 0o500, Descriptors),
    "fdinfo": (_FOLDER, lambda target: Descriptors(target, tells=True)),
    "gid_map": (_SET, idmaps.groups),
    "io": (_OWN, _text(_says(_ZEROS), reads=require_look)),
    "limits": (_FILE, _text(_says("Limit                     Soft Limit\n"))),
    "map_files": (stat.S_IFDIR | 0o500, MapFiles),
    "maps": (_FILE, _text(fields.maps, opens=require_memory)),
    "mem": (stat.S_IFREG | 0o600, MemoryNode),
    "mountinfo": (_FILE, _text(fields.mountinfo)),
    "mounts": (_FILE, _text(fields.mounts)),
    "mountstats": (_OWN, _text(fields.mounts)),
    "net": (_FOLDER, lambda _target: NetFolder()),
    "ns": (stat.S_IFDIR | 0o511, Namespaces),
    "numa_maps": (_FILE, _text(fields.maps, opens=require_memory)),
    "oom_score": (_FILE, _text(_says("666\n"))),
    "oom_score_adj": (_SET, _kept("oom_score_adj", "0\n", most=1000)),
    "pagemap": (_OWN, _text(_says("\0" * 8), opens=require_memory)),
    "personality": (_OWN, _text(_says("00000000\n"), reads=require_attach)),
    "root": (_LINK, lambda target: Link(target, lambda task: task.fs.root)),
    "setgroups": (_SET, idmaps.set_groups),
    "smaps": (_FILE, _text(fields.maps, opens=require_memory)),
    "smaps_rollup": (_FILE, _text(fields.maps, opens=require_memory)),
    "stack": (_OWN, _text(_says("[<0>] landproof_wait+0x0/0x0\n"), reads=_stack_is_shown)),
    "stat": (_FILE, _text(fields.stat)),
    "statm": (_FILE, _text(_says("256 100 50 16 0 64 0\n"))),
    "status": (_FILE, _text(fields.status)),
    "syscall": (_OWN, _text(_says("running\n"), reads=require_attach)),
    "timers": (_FILE, _text(_says(""))),
    "timerslack_ns": (stat.S_IFREG | 0o666, _slack),
    "uid_map": (_SET, idmaps.users),
    "wchan": (_FILE, _text(_wchan)),
}
"""What is in the folder of each process and thread: the type and permissions, and the file."""


class Attributes(texts.Folder):
    """The folder attr: no security module of this kernel gives processes any."""

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """What a label would be in."""

        def none(_kernel: Kernel, _task: Task) -> str:
            raise Errno(errno.EINVAL)

        if name == "current" and name not in folder.children:
            add(folder, name, stat.S_IFREG | 0o666, Text(none))
        return folder.children.get(name)


class NetFolder(texts.Folder):
    """The folder net: of its files cases read one alone."""

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A table of sockets."""
        if name == "unix" and name not in folder.children:
            header = "Num       RefCount Protocol Flags    Type St Inode Path\n"
            add(folder, name, _FILE, Text(lambda _kernel, _task: header))
        elif name != "unix":
            raise NotModelled("proc: net")
        return folder.children.get(name)


@dataclass(eq=False, repr=False)
class Folder(texts.Folder):
    """/proc/PID, or /proc/PID/task/TID."""

    target: Task
    view: View
    has_threads: bool = True

    def refresh(self, kernel: Kernel, inode: Inode) -> None:
        """It belongs to the user of the process."""
        inode.uid, inode.gid = self.target.credentials.euid, self.target.credentials.egid

    def permits(self, kernel: Kernel, task: Task, inode: Inode, access: int) -> bool:
        """Nobody, if it is hidden (proc_pid_permission)."""
        if not self.view.shows(kernel, task, self.target, NO_ACCESS):
            raise Errno(errno.ENOENT if self.view.hides == INVISIBLE else errno.EPERM)
        return False

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A file about the process."""
        found = folder.children.get(name)
        if found is None:
            found = self._made(folder, name)
        if found is not None and found.inode.mode != _FOLDER:
            _own(self.target, found.inode)
        return found

    def _made(self, folder: Dentry, name: str) -> Dentry | None:
        if name == "task" and self.has_threads:
            return add(folder, name, _FOLDER, Threads(self.target, self.view))
        if name not in ENTRIES:
            return None
        mode, make = ENTRIES[name]
        return add(folder, name, mode, make(self.target))

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """The files about the process."""
        return [*(["task"] if self.has_threads else []), *ENTRIES]


def _own(target: Task, inode: Inode) -> None:
    """Files belong to the user of the process, or to root if it may not be dumped."""
    dumpable = target.group.dumpable == 1
    inode.uid = target.credentials.euid if dumpable else 0
    inode.gid = target.credentials.egid if dumpable else 0


@dataclass(eq=False, repr=False)
class Threads(texts.Folder):
    """The folder task."""

    target: Task
    view: View

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A thread of the process."""
        found = _numbered(self.view.pids, name)
        if found is None or found.group is not self.target.group:
            dropped(folder, name)
            return None
        return folder_of(folder, name, Folder(found, self.view, has_threads=False))

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """The threads that live."""
        threads = [it.numbers.get(self.view.pids.number) for it in self.target.group.threads]
        return [str(it) for it in threads if it is not None]


def _numbered(pids: PidNamespace, name: str) -> Task | None:
    if not (name.isascii() and name.isdigit()) or name.startswith("0"):
        return None
    return pids.tasks.get(int(name))


def folder_of(folder: Dentry, name: str, node: Folder) -> Dentry:
    """The folder of a task: the same one as long as that has the number."""
    known = folder.children.get(name)
    if known is not None and isinstance(known.inode.node, Folder):
        if known.inode.node.target is node.target:
            return known
        dropped(folder, name)
    made = add(folder, name, _FOLDER, node)
    made.inode.uid, made.inode.gid = node.target.credentials.euid, node.target.credentials.egid
    return made


@dataclass(eq=False, repr=False)
class Root(texts.Folder):
    """The root of /proc: its files, and the folders of processes."""

    view: View

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A file, or a process by the number of any of its threads (proc_pid_lookup)."""
        if not name[0].isdigit():
            return folder.children.get(name)
        target = _numbered(self.view.pids, name)
        if target is None:
            dropped(folder, name)
            return None
        known = folder.children.get(name)
        is_known = known is not None and getattr(known.inode.node, "target", None) is target
        hidden = self.view.hides == NOT_PTRACEABLE and not is_known
        if hidden and not self.view.shows(kernel, task, target, NO_ACCESS):
            return None
        return folder_of(folder, name, Folder(target, self.view))

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """Files first, then processes that are not hidden."""
        files = [name for name in folder.children if not name[0].isdigit()]
        leaders = sorted(
            number
            for number, it in self.view.pids.tasks.items()
            if it.is_leader and self.view.shows(kernel, task, it, INVISIBLE)
        )
        return [*files, *map(str, leaders)]


class SelfLink(Node):
    """/proc/self, and /proc/thread-self."""

    def __init__(self, view: View, *, of_thread: bool) -> None:
        self._view, self._of_thread = view, of_thread

    def text(self, kernel: Kernel, task: Task) -> str:
        """The folder of who asks.

        Raises:
            Errno: ENOENT: it is not in the PID namespace that this /proc shows.
        """
        pids = self._view.pids.number
        number = task.group.leader.numbers.get(pids)
        if number is None:
            raise Errno(errno.ENOENT)
        return f"{number}/task/{task.numbers[pids]}" if self._of_thread else str(number)
