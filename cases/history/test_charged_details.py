# SPDX-License-Identifier: MIT
"""What a domain keeps for the log of who made it: above all the path of the program.

Source: "landlock: Account all audit data allocations to user space" (b232bd12789f):
get_current_details() in security/landlock/domain.c.
"""

from cases.syscalls.groups import Group
from suite.case import (
    FS, Allowed, ByBug, Judge, Need, Process, Ruleset, Seen, Tree, answers, needs, since, vm_only,
)  # fmt: skip
from suite.landlock.bugs import UNCHARGED_DETAILS
from suite.landlock.changes import LOGGING

READ = Ruleset(fs=FS.READ_FILE)
MEMBERS, LAYERS = 3, 16
NAME, DEPTH = "x" * 255, 14
LEAST = MEMBERS * LAYERS * len(NAME) * DEPTH
"""Bytes of the paths alone."""
CHARGED, UNCHARGED = Seen("charged"), Seen("not charged")
# Older kernels log nothing, and keep nothing for it.
EXPECT = since(
    FS.READ_FILE,
    UNCHARGED,
    (LOGGING, ByBug(UNCHARGED_DETAILS, before=UNCHARGED, after=CHARGED)),
)


def program_far_down(process: Process, tree: Tree) -> str:
    """A program with a path that is almost as long as one can be."""
    folder = tree.d1
    for _ in range(DEPTH):
        folder = f"{folder}/{NAME}"
        process.mkdir(folder)
    return tree.program(f"{folder}/program")


@vm_only
@answers("llr-39")
@needs(Need.MEMORY_GROUPS, Need.AUDIT)
def test_details(process: Process, tree: Tree, judge: Judge) -> None:
    """The path of a program that makes a domain is charged to the group of the process."""
    program = program_far_down(process, tree)
    group = Group(process, tree.d2)
    group.member.exec(program)
    ruleset = group.member.build(READ)
    members = [group.member.fork() for _ in range(MEMBERS)]
    for member in members:
        member.no_new_privs()
    outcome = group.member.observe(Process.getpid).outcome
    if outcome == Allowed():
        before = group.charged()
        for member in members:
            for _ in range(LAYERS):
                member.enforce(ruleset)
        outcome = CHARGED if group.charged() - before >= LEAST else UNCHARGED
    judge(EXPECT, outcome)
