# SPDX-License-Identifier: MIT
"""Every flag of landlock_restrict_self(2) and landlock_add_rule(2): one check a bit.

What the logging flags and quiet rules keep out of the log is shown in the area ``audit``; here is
shown that they take nothing from the restriction.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_* and LANDLOCK_ADD_RULE_QUIET.
"""

import os
from collections.abc import Callable

from suite.case import (
    ADD_RULE, FS, LANDLOCK, RESTRICT, Case, Clause, Denied, Expectation, Judge, Need, Process,
    Rejected, Ruleset, Tree, since, table,
)  # fmt: skip

DENIED = Denied("EACCES")
TOO_EARLY = Rejected("restrict_self", "EPERM")


class Flag(Case, frozen=True, kw_only=True):
    """Who can't read the file."""

    reader: Callable[[Process, Tree], Process]


def logging(flag: RESTRICT) -> Flag:
    ruleset = Ruleset(fs=FS.READ_FILE, flags=flag)
    return Flag(
        covers=flag, reader=lambda process, _: process.under(ruleset), expect=since(flag, DENIED)
    )


def sibling_thread(process: Process, tree: Tree) -> Process:
    thread = process.thread()
    process.restrict(Ruleset(fs=FS.READ_FILE, flags=RESTRICT.TSYNC))
    return thread


def without_privilege(process: Process, tree: Tree) -> Process:
    reader = process.fork()
    reader.drop_capabilities()
    reader.enforce(reader.build(Ruleset(fs=FS.READ_FILE)), RESTRICT.NO_NEW_PRIVS)
    return reader


def beneath_quiet_rule(process: Process, tree: Tree) -> Process:
    return process.under(Ruleset(fs=FS.READ_FILE, quiet_fs=FS.READ_FILE).quiet(tree.path))


CASES = {
    "restrict-log-same-exec-off": logging(RESTRICT.LOG_SAME_EXEC_OFF),
    "restrict-log-new-exec-on": logging(RESTRICT.LOG_NEW_EXEC_ON),
    "restrict-log-subdomains-off": logging(RESTRICT.LOG_SUBDOMAINS_OFF),
    "restrict-tsync": Flag(
        covers=RESTRICT.TSYNC, reader=sibling_thread, expect=since(RESTRICT.TSYNC, DENIED)
    ),
    "restrict-no-new-privs": Flag(
        covers=RESTRICT.NO_NEW_PRIVS,
        needs=(Need.NO_NEW_PRIVS_UNSET,),
        reader=without_privilege,
        expect=Expectation(
            Clause(None, until=LANDLOCK, absent=True),
            # Older kernels ask for no_new_privs before they look at the flags.
            Clause(TOO_EARLY, LANDLOCK, RESTRICT.NO_NEW_PRIVS, absent=True),
            Clause(DENIED, since=RESTRICT.NO_NEW_PRIVS),
        ),
    ),
    "add-rule-quiet": Flag(
        covers=ADD_RULE.QUIET, reader=beneath_quiet_rule, expect=since(ADD_RULE.QUIET, DENIED)
    ),
}


@table(CASES)
def test_restricted(case: Flag, process: Process, tree: Tree, judge: Judge) -> None:
    """Who is restricted with a flag is restricted."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    reader = case.reader(process, tree)
    judge(case.expect, reader.observe(Process.open, tree.file, os.O_RDONLY), control)
