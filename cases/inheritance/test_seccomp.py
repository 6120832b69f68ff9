# SPDX-License-Identifier: MIT
"""seccomp filters and domains: each restricts, whatever the other allows.

Source: Documentation/userspace-api/seccomp_filter.rst; syscall_trace_enter() asks the filters
before a system call begins, and so before Landlock.
"""

import os
from collections.abc import Callable

from cases.filters import FILTERED, install
from suite.case import (
    FS, Allowed, Case, Denied, Judge, Need, Process, Rejected, Ruleset, Tree, answers, by_abi,
    needs, own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import SECCOMP_FILTER_FLAG_TSYNC

pytestmark = own_memory

READ = Ruleset(fs=FS.READ_FILE)


def on_top(process: Process, ruleset: Ruleset, refused: str) -> None:
    process.restrict(ruleset)
    install(process, refused)


def beneath(process: Process, ruleset: Ruleset, refused: str) -> None:
    install(process, refused)
    process.restrict(ruleset)


class Both(Case, frozen=True, kw_only=True):
    """A filter and a domain, one after the other, of a process that opens a file."""

    enter: Callable[[Process, Ruleset, str], None]
    refused: str = "acct"
    """The system call that the filter refuses."""
    rights: FS = FS.READ_FILE
    """What the domain denies."""


DENIED = since(FS.READ_FILE, Denied("EACCES"))
REFUSED = since(FS.READ_FILE, Denied(FILTERED))
CASES = {
    "filter-on-domain": Both(enter=on_top, expect=DENIED),
    "filter-beneath-domain": Both(enter=beneath, expect=DENIED),
    "refusing-filter-on-domain": Both(enter=on_top, refused="openat", expect=REFUSED),
    "refusing-filter-beneath-domain": Both(enter=beneath, refused="openat", expect=REFUSED),
    "refusing-filter-on-domain-that-allows": Both(
        enter=on_top, refused="openat", rights=FS.WRITE_FILE, expect=REFUSED
    ),
    "refusing-filter-beneath-domain-that-allows": Both(
        enter=beneath, refused="openat", rights=FS.WRITE_FILE, expect=REFUSED
    ),
}


@answers("inh-seccomp")
@needs(Need.SECCOMP)
@table(CASES)
def test_both(case: Both, process: Process, tree: Tree, judge: Judge) -> None:
    """What one of them restricts is restricted, and the filter speaks first."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    sandboxed = process.fork()
    case.enter(sandboxed, Ruleset(fs=case.rights), case.refused)
    judge(case.expect, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("inh-seccomp")
@needs(Need.SECCOMP)
def test_filter_of_landlock(process: Process, judge: Judge) -> None:
    """A filter can refuse landlock_restrict_self(2), whose caller learns it."""
    ruleset = process.build(READ)
    install(process, "landlock_restrict_self")
    refused = by_abi(lambda _: Rejected("restrict_self", FILTERED))
    judge(refused, process.observe(Process.restrict_self, ruleset))


@answers("inh-seccomp-tsync")
@needs(Need.SECCOMP)
def test_filter_of_all_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """A filter for all threads of a process does not take the domain of its thread to them."""
    thread = process.thread()
    process.restrict(READ)
    install(process, "acct", SECCOMP_FILTER_FLAG_TSYNC)
    observed = thread.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Allowed()), observed)


@answers("inh-seccomp-tsync")
@needs(Need.SECCOMP)
def test_no_new_privs_of_all_threads(process: Process, judge: Judge) -> None:
    """It takes no_new_privs there, so that they may enforce rulesets themselves.

    Source: seccomp_sync_threads() in kernel/seccomp.c.
    """
    thread = process.thread()
    install(process, "acct", SECCOMP_FILTER_FLAG_TSYNC)
    thread.drop_capabilities()
    ruleset = thread.build(READ)
    judge(since(FS.READ_FILE, Allowed()), thread.observe(Process.restrict_self, ruleset))
