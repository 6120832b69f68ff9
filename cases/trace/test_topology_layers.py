# SPDX-License-Identifier: MIT
"""Which domain the event of a denied change of mounts names, where no path is known.

Source: security/landlock/fs.c, log_fs_change_topology_dentry().
"""

from collections.abc import Callable

from cases.fs.roots import FILES, new_root
from suite.case import (
    SCOPE, Case, Denied, Judge, Need, Process, Ruleset, Seen, Trace, Tree, answers, needs, since,
    table, vm_only,
)  # fmt: skip
from suite.process.uapi import FSCONFIG_CMD_RECONFIGURE, FSCONFIG_SET_FLAG

SCOPED = Ruleset(scope=SCOPE.SIGNAL)


class Change(Case, frozen=True, kw_only=True):
    """A change of the mount on ``/mount``."""

    call: Callable[[Process], object]


def reconfigure(process: Process) -> None:
    context = process.fspick("/mount")
    process.fsconfig(context, FSCONFIG_SET_FLAG, "ro")
    process.fsconfig(context, FSCONFIG_CMD_RECONFIGURE)


OWED = since([*FILES.features, SCOPE.SIGNAL], Seen("D2"))
CHANGES = {
    "umount": Change(call=lambda process: process.umount("/mount"), expect=OWED),
    "reconfigure": Change(call=reconfigure, expect=OWED),
}


@vm_only
@answers("trc-topology-layer")
@needs(Need.TRACEPOINTS, Need.MOUNT)
@table(CHANGES)
def test_layer(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """The youngest layer that is about files denies it, not a younger one that is about scopes."""
    control = new_root(process, tree).observe(case.call)
    root = new_root(process, tree)
    with Trace(process, "deny_access_fs") as trace:
        tried = root.under(FILES, FILES, SCOPED).observe(case.call)
        events = trace.take()
    outcome = tried.outcome
    if outcome == Denied("EPERM"):
        outcome = Seen(" ".join(event.fields["domain"] for event in events))
    judge(case.expect, outcome, control)
