# SPDX-License-Identifier: MIT
"""Nothing takes a restriction back.

Source: Documentation/userspace-api/landlock.rst, "Inheritance" and "Enforcing a ruleset".
"""

import os
from collections.abc import Callable

from suite.case import (
    CLONE_NEWNS, CLONE_NEWUSER, FS, NET, O_PATH, RESTRICT, RULE_PATH_BENEATH, Allowed, Call, Case,
    Denied, Judge, Need, Process, Row, Ruleset, Tree, answers, needs, own_memory, path_beneath,
    since, since_layers, table,
)  # fmt: skip
from suite.process.uapi import KEYCTL_JOIN_SESSION_KEYRING, PR_SET_NO_NEW_PRIVS

pytestmark = own_memory

READ = Ruleset(fs=FS.READ_FILE)
DENIED, ALLOWED = since(FS.READ_FILE, Denied("EACCES")), since(FS.READ_FILE, Allowed())


class Attempt(Case, frozen=True, kw_only=True):
    """What a process tries that enforced a ruleset without rules, given that ruleset."""

    attempt: Callable[[Process, Call], object]


class Still(Row, frozen=True, kw_only=True):
    """What can be done to a file that can't be read."""

    action: Callable[[Process, str], object]


def enforce_permissive_ruleset(process: Process, ruleset: Call) -> None:
    process.restrict(READ.allow("/", FS.READ_FILE))


def add_rule_afterwards(process: Process, ruleset: Call) -> None:
    rule = path_beneath(FS.READ_FILE, process.open("/", O_PATH))
    process.add_rule(ruleset, RULE_PATH_BENEATH, rule)


def add_rule_and_enforce_again(process: Process, ruleset: Call) -> None:
    add_rule_afterwards(process, ruleset)
    process.enforce(ruleset)


def close_ruleset(process: Process, ruleset: Call) -> None:
    process.close(ruleset)


def own_user_namespace(process: Process, ruleset: Call) -> None:
    process.unshare(CLONE_NEWUSER)


def drop_capabilities(process: Process, ruleset: Call) -> None:
    process.drop_capabilities()


def enforce_nothing(process: Process, ruleset: Call) -> None:
    for flags in range(2 * max(RESTRICT)):
        process.observe(Process.restrict_self, -1, flags)


def join_session_keyring(process: Process, ruleset: Call) -> None:
    process.keyctl(KEYCTL_JOIN_SESSION_KEYRING)


CASES = {
    "permissive-ruleset": Attempt(
        attempt=enforce_permissive_ruleset,
        expect=DENIED,
        answers=("sys-rs-noremove", "inh-nested-narrow"),
    ),
    "rule-added-afterwards": Attempt(
        attempt=add_rule_afterwards, expect=DENIED, answers="sys-rs-noremove"
    ),
    "rule-added-and-enforced-again": Attempt(
        attempt=add_rule_and_enforce_again,
        expect=DENIED,
        answers=("sys-rs-noremove", "inh-nested-narrow"),
    ),
    "ruleset-closed": Attempt(attempt=close_ruleset, expect=DENIED),
    "no-ruleset": Attempt(attempt=enforce_nothing, expect=DENIED, answers="sys-rs-noremove"),
    "own-user-namespace": Attempt(
        attempt=own_user_namespace,
        needs=(Need.USER_NAMESPACES,),
        expect=DENIED,
        answers=("async-userns-after-restrict", "inh-userns"),
    ),
    "capabilities-dropped": Attempt(attempt=drop_capabilities, expect=DENIED),
    "own-session-keyring": Attempt(attempt=join_session_keyring, expect=DENIED),
}


@table(CASES)
def test_attempt(case: Attempt, process: Process, tree: Tree, judge: Judge) -> None:
    """What was denied stays denied."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.no_new_privs()
    ruleset = process.build(READ)
    process.enforce(ruleset)
    case.attempt(process, ruleset)
    judge(case.expect, process.observe(Process.open, tree.file, os.O_RDONLY), control)


def mount_in_own_namespaces(process: Process, path: str) -> None:
    process.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    process.mount("tmpfs", path, "tmpfs")


@answers("async-userns-after-restrict")
@needs(Need.USER_NAMESPACES)
def test_mount_in_own_namespaces(process: Process, tree: Tree, judge: Judge) -> None:
    """All capabilities in a user namespace do not allow to mount."""
    control = process.fork().observe(mount_in_own_namespaces, tree.d2)
    sandboxed = process.under(READ)
    sandboxed.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    observed = sandboxed.observe(Process.mount, "tmpfs", tree.d2, "tmpfs")
    judge(since(FS.READ_FILE, Denied("EPERM")), observed, control)


def open_as_another_user(process: Process, path: str) -> None:
    process.setuid(1000)
    process.open(path, os.O_RDONLY)


@answers("async-setuid-after-restrict", "inh-setuid-syscall", "inh-root-denied")
@needs(Need.ROOT)
def test_another_user(process: Process, tree: Tree, judge: Judge) -> None:
    """Who becomes another user keeps the domain."""
    process.chmod(tree.d1, 0o755)
    process.chmod(tree.file, 0o644)
    process.chdir(tree.d1)
    control = process.fork().observe(open_as_another_user, "file")
    judge(DENIED, process.under(READ).observe(open_as_another_user, "file"), control)


@answers("sys-rs-noremove", "inh-nested-narrow", "inh-root-denied")
@needs(Need.ADMIN)
def test_all_capabilities(process: Process, tree: Tree, judge: Judge) -> None:
    """Capabilities do not help: not in a domain that was entered without no_new_privs either."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.enforce(process.build(READ))
    process.enforce(process.build(READ.allow("/", FS.READ_FILE)))
    judge(DENIED, process.observe(Process.open, tree.file, os.O_RDONLY), control)


STILL_ALLOWED = {
    "o-path": Still(action=lambda process, path: process.open(path, O_PATH)),
    "stat": Still(action=Process.stat),
    "access": Still(action=lambda process, path: process.access(path, os.R_OK)),
    "chmod": Still(action=lambda process, path: process.chmod(path, 0o600)),
}


@answers("inh-root-denied")
@table(STILL_ALLOWED)
def test_still_allowed(case: Still, process: Process, tree: Tree, judge: Judge) -> None:
    """What no right is for stays allowed on a file that can't be read."""
    judge(ALLOWED, process.under(READ).observe(case.action, tree.file))


@answers("inh-root-denied")
def test_opened_before(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that was opened before can be read."""
    fd = process.open(tree.file, os.O_RDONLY)
    judge(ALLOWED, process.under(READ).observe(Process.read, fd, 1))


@answers("inh-nested-narrow")
def test_enforcing_again_narrows(process: Process, tree: Tree, judge: Judge) -> None:
    """A second ruleset takes away what the first allowed."""
    wide = READ.allow(tree.path, FS.READ_FILE)
    sandboxed = process.under(wide)
    control = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    sandboxed.restrict(READ.allow(tree.d2, FS.READ_FILE))
    judge(DENIED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


def test_enforcing_again_keeps_the_rest(process: Process, tree: Tree, judge: Judge) -> None:
    """A second ruleset leaves what both allow."""
    sandboxed = process.under(
        READ.allow(tree.path, FS.READ_FILE), READ.allow(tree.d2, FS.READ_FILE)
    )
    judge(ALLOWED, sandboxed.observe(Process.open, tree.other, os.O_RDONLY))


@answers("inh-layer-nohandle")
def test_layer_about_something_else(process: Process, tree: Tree, judge: Judge) -> None:
    """A second ruleset leaves what it does not handle."""
    sandboxed = process.under(READ.allow(tree.d2, FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE))
    judge(ALLOWED, sandboxed.observe(Process.open, tree.other, os.O_RDONLY))


@answers("inh-layer-nohandle")
def test_layer_about_ports(process: Process, tree: Tree, judge: Judge) -> None:
    """Nor does one about ports touch what files are allowed."""
    layers = [READ.allow(tree.d2, FS.READ_FILE), Ruleset(net=NET.BIND_TCP)]
    sandboxed = process.under(*layers)
    expect = since_layers([layer.features for layer in layers], Allowed())
    judge(expect, sandboxed.observe(Process.open, tree.other, os.O_RDONLY))


def test_no_new_privs_stays(process: Process, judge: Judge) -> None:
    """no_new_privs, which keeps set-user-ID programs out of the game, can't be unset.

    Source: Documentation/userspace-api/no_new_privs.rst.
    """
    sandboxed = process.under(READ)
    sandboxed.observe(Process.prctl, PR_SET_NO_NEW_PRIVS, 0)
    observed = sandboxed.observe(Process.has_no_new_privs).with_value
    judge(since(FS.READ_FILE, Allowed(1)), observed)
