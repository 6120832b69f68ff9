# SPDX-License-Identifier: MIT
"""FUSE: who opens something on it, and the daemon that opens other files to serve it.

The daemon answers while the other one waits, so that the latter opens by way of io_uring.

Source: security_file_open() of each, in fs/open.c; include/uapi/linux/fuse.h.
"""

import os
import struct
from dataclasses import dataclass

from suite.abi import FS
from suite.calls.files import AT_FDCWD
from suite.calls.uring import Op, Ring
from suite.expectation import since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import CLONE_NEWNS, Observation, Process
from suite.rows import Judge, answers, covers, needs
from suite.ruleset import Ruleset
from suite.session import Call, Int, Pack
from suite.tree import Tree

# In machines alone: a request that is never answered leaves behind who asked by io_uring, and has
# the daemon's descriptor of /dev/fuse itself; not even SIGKILL ends that process.
pytestmark = [
    needs(Need.DISPOSABLE, Need.FUSE, Need.URING),
    answers("special-fuse-daemon"),
]

HANDLED = FS.READ_FILE | FS.READ_DIR
INIT_OUT = struct.pack("<4I2H2I36x", 7, 31, 0, 0, 0, 0, 4096, 1)
OPEN_OUT = bytes(16)
LONGEST_REQUEST = 8192
FOLDER = os.O_RDONLY | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class Daemon:
    """Serves a folder, d2; whoever opens it waits for the daemon to open d1/file."""

    process: Process
    device: Call
    tree: Tree

    def take(self) -> Call:
        """The next request."""
        return self.process.read(self.device, LONGEST_REQUEST)

    def answer(self, request: Call, answer: bytes) -> None:
        """Say that a request succeeded, and what it gives."""
        size = 16 + len(answer)
        head = ((4, size), (4, 0), (8, Int(request, 8, 8)))
        self.process.syscall("write", self.device, Pack((*head, answer)), size)

    def open_file(self) -> Observation:
        """Open what the daemon needs to serve the folder."""
        return self.process.observe(Process.open, self.tree.file, os.O_RDONLY)


def mount(process: Process, tree: Tree) -> Daemon:
    """A daemon in a mount namespace of its own."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    device = child.open("/dev/fuse", os.O_RDWR)
    data = f"fd={device.value},rootmode=40000,user_id=0,group_id=0"
    child.mount("fuse", tree.d2, "fuse", data=data)
    return Daemon(child, device, tree)


def begin(client: Process, ring: Ring, tree: Tree) -> None:
    """Open the folder, and don't wait."""
    ring.asynchronous = True
    ring.begin(client, Op.OPENAT, AT_FDCWD, addr=tree.d2, flags=FOLDER)


def serve(daemon: Daemon, client: Process, ring: Ring) -> Observation:
    """Open the folder, which is what is observed, while the daemon serves it."""
    begin(client, ring, daemon.tree)
    daemon.answer(daemon.take(), INIT_OUT)
    request = daemon.take()
    daemon.process.open(daemon.tree.file, os.O_RDONLY)
    daemon.answer(request, OPEN_OUT)
    return client.observe(ring.end)


@covers(FS.READ_DIR)
def test_client_without_a_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """What is on FUSE is denied as elsewhere, and the daemon is not asked."""
    daemon = mount(process, tree)
    ring = daemon.process.uring()
    control = serve(daemon, daemon.process.fork(), ring)
    sandboxed = daemon.process.under(Ruleset(fs=HANDLED))
    observed = sandboxed.observe(Process.open, tree.d2, FOLDER)
    judge(since(HANDLED, Denied("EACCES")), observed, control)


@covers(FS.READ_DIR, FS.READ_FILE)
def test_client_with_a_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the mount allows it, though the daemon opens a file that the client may not."""
    daemon = mount(process, tree)
    ring = daemon.process.uring()
    client = daemon.process.under(tree.layer(HANDLED, {"d2": HANDLED}))
    judge(since(HANDLED, Allowed()), serve(daemon, client, ring))


@covers(FS.READ_FILE)
def test_daemon_in_a_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """What the daemon opens to serve a client without a domain is up to the daemon's domain."""
    daemon = mount(process, tree)
    ring = daemon.process.uring()
    client = daemon.process.fork()
    control = daemon.open_file()
    daemon.process.restrict(Ruleset(fs=FS.READ_FILE))
    begin(client, ring, tree)
    daemon.answer(daemon.take(), INIT_OUT)
    daemon.take()
    judge(since(FS.READ_FILE, Denied("EACCES")), daemon.open_file(), control)
