# SPDX-License-Identifier: MIT
"""Cores that go to a program or a socket: the kernel acts for itself, in no domain.

Source: Documentation/admin-guide/sysctl/kernel.rst, core_pattern; hook_unix_find() in
security/landlock/fs.c, SOCK_COREDUMP.
"""

import fcntl
import os
import socket
import stat

from suite.process import elf
from cases.fs.cores import dump_core, setting
from cases.fs.everything import everything
from suite.case import (
    AT_FDCWD, FS, Allowed, Facts, Judge, Need, Process, Ruleset, Tree, answers, covers, needs,
    own_memory, since, unix, vm_only,
)  # fmt: skip

pytestmark = own_memory


@answers("exec-usermodehelper-free", "async-coredump-pipe")
@vm_only
@needs(Need.CORE_FILES, Need.X86_64)
@covers(FS.MAKE_REG, FS.EXECUTE)
def test_helper(facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """The program that the kernel starts to take a core is not in the domain of what crashed."""
    helper, made = f"{tree.d1}/helper", f"{tree.d2}/made"
    numbers = process.session.numbers
    program = elf.calling(
        (numbers["mknodat"], AT_FDCWD, made, stat.S_IFREG | 0o600), (numbers["exit_group"], 0)
    )
    process.write_file(helper, program, 0o755)
    # With a limit, what crashed ends no sooner than its helper.
    with setting(process, "core_pipe_limit", "1"), setting(process, "core_pattern", f"|{helper}"):
        _ = dump_core(process, tree.d1, everything(facts)).outcome
    judge(since(FS.MAKE_REG, Allowed()), process.observe(Process.open, made, os.O_RDONLY))


@answers("async-coredump-socket", "unix-coredump-socket", "llr-18")
@vm_only
@needs(Need.CORE_FILES)
@covers(FS.RESOLVE_UNIX)
def test_socket(process: Process, tree: Tree, judge: Judge) -> None:
    """A core is sent to a socket that what crashed could not connect to."""
    path = f"{tree.d2}/socket"
    server = process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(path))
    process.fcntl(server, fcntl.F_SETFL, os.O_NONBLOCK)
    with setting(process, "core_pattern", f"@{path}"):
        _ = dump_core(process, tree.d1, Ruleset(fs=FS.RESOLVE_UNIX)).outcome
    judge(since(FS.RESOLVE_UNIX, Allowed()), process.observe(Process.accept, server))
