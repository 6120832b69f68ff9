# SPDX-License-Identifier: MIT
"""The kinds of namespaces that a process can make and enter: namespaces(7)."""

from suite.case import (
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, Need, Row,
)  # fmt: skip
from suite.process.uapi import CLONE_NEWCGROUP


class Kind(Row, frozen=True, kw_only=True):
    """A kind of namespaces."""

    flag: int
    name: str
    """In /proc/PID/ns."""


KINDS = {
    "mount": Kind(flag=CLONE_NEWNS, name="mnt"),
    "pid": Kind(flag=CLONE_NEWPID, name="pid"),
    "network": Kind(flag=CLONE_NEWNET, name="net"),
    "ipc": Kind(flag=CLONE_NEWIPC, name="ipc", needs=(Need.IPC_NAMESPACES,)),
    "uts": Kind(flag=CLONE_NEWUTS, name="uts"),
    "cgroup": Kind(flag=CLONE_NEWCGROUP, name="cgroup", needs=(Need.CGROUP_NAMESPACES,)),
    "user": Kind(flag=CLONE_NEWUSER, name="user"),
}
