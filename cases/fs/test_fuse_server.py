# SPDX-License-Identifier: MIT
"""FUSE: who asks for a file is held by the path in the mount, who serves it by its own domain.

Source: security/landlock/fs.c: the hooks look at the credentials of the task that opens a file, and
the server is one of its own.
"""

import os

from suite.case import (
    CLONE_NEWNS, FS, MNT_DETACH, Allowed, Case, Denied, Judge, Need, Process, Tree, answers, needs,
    own_memory, since, table,
)  # fmt: skip
from suite.targets.fuse import serve

pytestmark = needs(Need.MOUNT, Need.FUSE)
READ = FS.READ_FILE
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))


class Served(Case, frozen=True, kw_only=True):
    """A rule that allows to read, and the file that is opened: ``mount`` shows ``d1``."""

    rule: str
    path: str = "mount/file"


CLIENTS = {
    "client-rule-on-the-mount": Served(rule="mount", expect=ALLOWED),
    "client-rule-on-the-file": Served(rule="mount/file", expect=ALLOWED),
    "client-rule-on-what-is-served": Served(rule="d1", expect=DENIED),
    "client-rule-on-the-mount-opens-what-is-served": Served(
        rule="mount", path="d1/file", expect=DENIED
    ),
}
SERVERS = {
    "server-rule-on-what-it-serves": Served(rule="d1", expect=ALLOWED),
    "server-rule-on-another-folder": Served(rule="d2", expect=DENIED),
    "server-rule-on-the-mount": Served(rule="mount", expect=DENIED),
}


def prepare(process: Process, tree: Tree) -> str:
    """Where to mount, and make the server's program."""
    process.unshare(CLONE_NEWNS)
    tree.program(f"{tree.d2}/server")
    point = f"{tree.path}/mount"
    process.mkdir(point)
    return point


@answers("special-fuse-daemon")
@table(CLIENTS)
@own_memory
def test_client(case: Served, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the mount allows to read through it, one on what the server reads does not."""
    serve(process, prepare(process, tree), tree.d1, f"{tree.d2}/server")
    action = (Process.open, f"{tree.path}/{case.path}", os.O_RDONLY)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    judge(case.expect, sandboxed.observe(*action), control)


@answers("special-fuse-daemon")
@table(SERVERS)
@own_memory
def test_server(case: Served, process: Process, tree: Tree, judge: Judge) -> None:
    """What a server may not read, nobody reads through it, in whatever domain."""
    point = prepare(process, tree)
    action = (Process.open, f"{tree.path}/{case.path}", os.O_RDONLY)
    serve(process, point, tree.d1, f"{tree.d2}/server")
    control = process.observe(*action).outcome
    process.umount(point, MNT_DETACH)
    domain = tree.layer(READ, {case.rule: READ, "d2/server": READ})
    serve(process, point, tree.d1, f"{tree.d2}/server", domain)
    judge(case.expect, process.observe(*action), control)
