# SPDX-License-Identifier: MIT
"""Capabilities that a domain may use.

Source: security/landlock/cap.c of the maintainer's tree, hook_capable(): it is asked after
commoncap, looks at the capability alone, and denies with EPERM; what a call makes of that is its
own, such as EACCES of bind(2). landlock-lsm/linux issue 55.
"""

import os
import socket
import stat
from collections.abc import Callable

from suite.case import (
    CAP_SYS_ADMIN, CLONE_NEWUSER, CLONE_NEWUTS, PERMISSION, Allowed, Case, Denied, Judge, Need,
    Outcome, Process, Rejected, Ruleset, Tree, answers, covers, inet, needs, own_memory, since,
    table,
)  # fmt: skip
from suite.process.uapi import CAP_SYS_CHROOT

pytestmark = [own_memory, covers(PERMISSION.CAPABILITY_USE)]

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETUID = 0, 1, 7
CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_MKNOD = 10, 13, 27
ALL = (1 << 64) - 1
NOTHING = Ruleset(permissions=PERMISSION.CAPABILITY_USE)
ALLOWED = since(PERMISSION.CAPABILITY_USE, Allowed())
NULL_DEVICE, NOBODY = os.makedev(1, 3), 65534
LOW_PORT = 7
"""Nobody listens there, in a network namespace of the case's own."""


def chroot(process: Process, tree: Tree) -> None:
    process.chroot(tree.d1)


def new_uts(process: Process, _: Tree) -> None:
    process.unshare(CLONE_NEWUTS)


def raw_socket(process: Process, _: Tree) -> None:
    process.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def bind_low_port(process: Process, _: Tree) -> None:
    fd = process.socket(socket.AF_INET, socket.SOCK_STREAM)
    process.bind(fd, inet(LOW_PORT, "127.0.0.1"))
    process.close(fd)


def become_nobody(process: Process, _: Tree) -> None:
    process.setuid(NOBODY)


def give_away(process: Process, tree: Tree) -> None:
    process.chown(tree.file, NOBODY, NOBODY)


def make_device(process: Process, tree: Tree) -> None:
    process.mknod(f"{tree.d1}/device", stat.S_IFCHR | 0o600, NULL_DEVICE)


def read_guarded(process: Process, tree: Tree) -> None:
    process.open(tree.sub_file, os.O_RDONLY)


Use = Callable[[Process, Tree], None]
USES: dict[str, tuple[Use, int, str, tuple[Need, ...]]] = {
    "chroot": (chroot, CAP_SYS_CHROOT, "EPERM", ()),
    "unshare": (new_uts, CAP_SYS_ADMIN, "EPERM", ()),
    "raw-socket": (raw_socket, CAP_NET_RAW, "EPERM", (Need.RAW_SOCKETS,)),
    "bind-low-port": (bind_low_port, CAP_NET_BIND_SERVICE, "EACCES", (Need.NET, Need.INET)),
    "setuid": (become_nobody, CAP_SETUID, "EPERM", ()),
    "chown": (give_away, CAP_CHOWN, "EPERM", ()),
    "mknod": (make_device, CAP_MKNOD, "EPERM", ()),
    "open": (read_guarded, CAP_DAC_OVERRIDE, "EACCES", ()),
}
"""By name: a call, the capability without which it fails, and the errno; what else it needs."""


class Used(Case, frozen=True, kw_only=True):
    """A call that needs a capability, and what each layer allows."""

    use: Use
    layers: tuple[int, ...]


def used(name: str, outcome: Outcome, *layers: int, answers: str = "perm-cap-rules") -> Used:
    use, _, _, needed = USES[name]
    expect = since(PERMISSION.CAPABILITY_USE, outcome)
    return Used(use=use, layers=layers, expect=expect, needs=needed, answers=answers)


def rows() -> dict[str, Used]:
    found = {}
    for name, (_, number, errno, _) in USES.items():
        bit, denied = 1 << number, Denied(errno)
        # DAC_READ_SEARCH lets one read as well.
        others = ALL & ~bit & (~(1 << 2) if number == CAP_DAC_OVERRIDE else ALL)
        found[f"{name}-no-rule"] = used(name, denied, 0)
        found[f"{name}-its-rule"] = used(name, Allowed(), bit)
        found[f"{name}-rule-on-all-others"] = used(name, denied, others)
    return found


CHROOT, DENIED = 1 << CAP_SYS_CHROOT, Denied("EPERM")
LAYERS: dict[str, tuple[Outcome, tuple[int, ...]]] = {
    "layers-both-allow": (Allowed(), (CHROOT, ALL)),
    "layers-outer-alone-allows": (DENIED, (CHROOT, 0)),
    "layers-inner-alone-allows": (DENIED, (ALL & ~CHROOT, CHROOT)),
    "layers-middle-denies": (DENIED, (CHROOT, 0, CHROOT)),
}
CASES = {
    **rows(),
    **{
        name: used("chroot", outcome, *layers, answers="perm-layers")
        for name, (outcome, layers) in LAYERS.items()
    },
    "unknown-capability": used("chroot", DENIED, 1 << 63, answers="perm-unknown-members"),
}


def domain(allowed: int) -> Ruleset:
    return NOTHING.allow_capabilities(allowed) if allowed else NOTHING


@needs(Need.ROOT)
@table(CASES)
def test_use(case: Used, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain uses the capabilities that its rules allow, in every layer, and no other."""
    twin = tree.twin()
    for file in (tree.sub_file, twin.sub_file):
        process.chown(file, NOBODY, NOBODY)
        process.chmod(file, 0)
    control = process.fork().observe(case.use, twin)
    observed = process.under(*map(domain, case.layers)).observe(case.use, tree)
    judge(case.expect, observed, control)


@needs(Need.ROOT)
@answers("perm-cap-no-gain")
def test_gains_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule gives nobody a capability that is not theirs."""
    control = process.fork().observe(chroot, tree)
    sandboxed = process.under(domain(ALL))
    sandboxed.drop_capabilities()
    judge(since(PERMISSION.CAPABILITY_USE, DENIED), sandboxed.observe(chroot, tree), control)


def chroot_as_another_root(process: Process, tree: Tree) -> None:
    process.unshare(CLONE_NEWUSER)
    process.chroot(tree.d1)


@needs(Need.USER_NAMESPACES)
@answers("perm-cap-user-namespace")
def test_in_a_user_namespace(process: Process, tree: Tree, judge: Judge) -> None:
    """Who makes a user namespace has all capabilities there, and uses those that are allowed."""
    control = process.fork().observe(chroot_as_another_root, tree)
    observed = process.under(NOTHING).observe(chroot_as_another_root, tree)
    judge(since(PERMISSION.CAPABILITY_USE, DENIED), observed, control)


@needs(Need.ROOT)
@answers("perm-cap-other")
def test_other_permission(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles namespaces alone denies no capability."""
    other = Ruleset(permissions=PERMISSION.NAMESPACE_USE)
    control = process.fork().observe(chroot, tree)
    expect = since(PERMISSION.NAMESPACE_USE, Allowed())
    judge(expect, process.under(other).observe(chroot, tree), control)


def restrict_without_no_new_privs(process: Process, ruleset: Ruleset) -> None:
    process.restrict_self(process.build(ruleset))


@needs(Need.ROOT, Need.NO_NEW_PRIVS_UNSET)
@answers("perm-cap-restrict-self")
def test_restrict_self(process: Process, judge: Judge) -> None:
    """CAP_SYS_ADMIN that a domain denies lets nobody restrict themselves without no_new_privs."""
    control = process.fork().observe(restrict_without_no_new_privs, NOTHING)
    sandboxed = process.fork()
    sandboxed.enforce(sandboxed.build(NOTHING))
    observed = sandboxed.observe(restrict_without_no_new_privs, NOTHING)
    judge(since(PERMISSION.CAPABILITY_USE, Rejected("restrict_self", "EPERM")), observed, control)
