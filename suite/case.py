# SPDX-License-Identifier: MIT
"""What a file of cases usually needs, from one place.

What only a few cases need, such as the commands of ioctl(2) and known bugs, they take from where it
is: ``suite.process.calls``, ``suite.landlock.bugs``.
"""

from suite.judge.expectation import (
    ByBug,
    ByErratum,
    Clause,
    Either,
    Expectation,
    always,
    by_abi,
    since,
    since_layers,
)
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen
from suite.judge.records import Facts
from suite.landlock.abi import (
    ADD_RULE,
    CREATE,
    FS,
    LANDLOCK,
    MAX_LAYERS,
    NET,
    NEWEST,
    PERMISSION,
    RESTRICT,
    RULE_CAPABILITY,
    RULE_NAMESPACE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    SCOPE,
    Erratum,
    Feature,
    known_bits,
)
from suite.landlock.ruleset import Ruleset, net_port, path_beneath, used
from suite.process.calls.files import O_PATH
from suite.process.calls.ioctls import FIONREAD, RNDGETENTCNT
from suite.process.calls.sockets import abstract, inet, inet6, loopback, unix, unspecified
from suite.process.calls.uring import Ring
from suite.process.process import Observation, Process
from suite.process.promise import Call, Mode
from suite.process.uapi import (
    AT_FDCWD,
    CAP_SYS_ADMIN,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    F_SETFL,
    F_SETOWN,
    MNT_DETACH,
    MS_BIND,
    MS_RDONLY,
    MS_REMOUNT,
    OPEN_TREE_CLONE,
    PTRACE_ATTACH,
    PTRACE_TRACEME,
    RENAME_EXCHANGE,
)
from suite.run.needs import Need
from suite.run.rows import (
    Case,
    Judge,
    Row,
    answers,
    covers,
    fatal,
    filesystems,
    needs,
    own_memory,
    split,
    table,
    vm_only,
)
from suite.targets.filesystems import FileSystem
from suite.targets.tree import CONTENT, Tree
from suite.values import Argument, Fd, Int, Out, Pack
from suite.witness.audit import LANDLOCK_ACCESS, LANDLOCK_DOMAIN, AuditLog, AuditRecord, denial
from suite.witness.tracefs import Event, Trace
