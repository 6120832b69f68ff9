# SPDX-License-Identifier: MIT
"""What the log says of permissions that lack: what blocked; and when it says nothing.

Source: include/linux/landlock.h and security/landlock/cap.c of the maintainer's tree; landlock-lsm/
linux issue 55.
"""

from collections.abc import Callable

from cases.audit.logs import SILENT, denials
from suite.case import (
    CAP_SYS_ADMIN, CLONE_NEWIPC, CLONE_NEWUTS, PERMISSION, AuditLog, Case, Denied, Judge, Need,
    Process, Rejected, Ruleset, Seen, answers, covers, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.process.uapi import CAP_SYS_CHROOT

pytestmark = [own_memory, needs(Need.AUDIT, Need.ROOT)]

NAMESPACES = Ruleset(permissions=PERMISSION.NAMESPACE_USE)
CAPABILITIES = Ruleset(permissions=PERMISSION.CAPABILITY_USE)
UTS, CHROOT, ADMIN = CLONE_NEWUTS, 1 << CAP_SYS_CHROOT, 1 << CAP_SYS_ADMIN


def new_uts(process: Process) -> None:
    process.unshare(CLONE_NEWUTS)


def chroot(process: Process) -> None:
    process.chroot("/")


class Logged(Case, frozen=True, kw_only=True):
    """A call that every one of some layers may deny."""

    call: Callable[[Process], object]
    layers: tuple[Ruleset, ...]


def logged(call: Callable[[Process], object], said: str, *layers: Ruleset, answers: str) -> Logged:
    permission = layers[0].permissions
    expect = since(permission, Seen(said))
    return Logged(call=call, layers=layers, covers=permission, expect=expect, answers=answers)


BLOCKERS, QUIET = "perm-log-blockers", "perm-log-quiet"
CASES = {
    "namespace": logged(new_uts, "namespace.use", NAMESPACES, answers=BLOCKERS),
    "capability": logged(chroot, "capability.use", CAPABILITIES, answers=BLOCKERS),
    "capability-for-a-namespace": logged(new_uts, "capability.use", CAPABILITIES, answers=BLOCKERS),
    "namespace-quiet": logged(new_uts, SILENT, NAMESPACES.allow_namespaces(0, UTS), answers=QUIET),
    "namespace-other-quiet": logged(
        new_uts, "namespace.use", NAMESPACES.allow_namespaces(0, CLONE_NEWIPC), answers=QUIET
    ),
    "namespace-quiet-in-an-outer-layer": logged(
        new_uts,
        "namespace.use",
        NAMESPACES.allow_namespaces(0, UTS),
        NAMESPACES,
        answers=QUIET,
    ),
    "namespace-quiet-in-the-inner-layer": logged(
        new_uts, SILENT, NAMESPACES, NAMESPACES.allow_namespaces(0, UTS), answers=QUIET
    ),
    "capability-quiet": logged(
        chroot, SILENT, CAPABILITIES.allow_capabilities(0, CHROOT), answers=QUIET
    ),
    "capability-other-quiet": logged(
        chroot, "capability.use", CAPABILITIES.allow_capabilities(0, ADMIN), answers=QUIET
    ),
    "capability-two-rules": logged(
        chroot,
        SILENT,
        CAPABILITIES.allow_capabilities(0, CHROOT).allow_capabilities(ADMIN),
        answers=QUIET,
    ),
}


@vm_only
@table(CASES)
def test_logged(case: Logged, process: Process, judge: Judge) -> None:
    """A denial is logged by the name of its permission, unless a rule keeps it quiet."""
    control = process.fork().observe(case.call)
    with AuditLog(process) as log:
        denied = process.under(*case.layers).observe(case.call).outcome
        accesses = log.accesses()
    blockers = " + ".join(it.fields["blockers"] for it in accesses) or SILENT
    judge(case.expect, Seen(blockers) if denied == Denied("EPERM") else denied, control)


@vm_only
@covers(PERMISSION.CAPABILITY_USE)
@needs(Need.NO_NEW_PRIVS_UNSET)
@answers("perm-log-noaudit")
def test_asked_in_silence(process: Process, judge: Judge) -> None:
    """Where the kernel asks for a capability in silence, a denial is neither logged nor counted.

    landlock_restrict_self(2) asks so for CAP_SYS_ADMIN; chroot(2) does not.
    """
    control = process.fork().observe(chroot)
    with AuditLog(process) as log:
        sandboxed = process.fork()
        sandboxed.enforce(sandboxed.build(CAPABILITIES))
        asked = sandboxed.observe(Process.restrict_self, -1).outcome
        silent = log.accesses()
        denied = sandboxed.observe(chroot)
        loud = log.accesses()
        outcome = denied.outcome
        if (asked, outcome) == (Rejected("restrict_self", "EPERM"), Denied("EPERM")):
            ended = denials(log, process, sandboxed, loud)
            outcome = Seen(f"{len(silent)} logged, then {len(loud)} logged, {ended}")
    owed = Seen("0 logged, then 1 logged, denials=1")
    judge(since(PERMISSION.CAPABILITY_USE, owed), outcome, control)
