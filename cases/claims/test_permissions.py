# SPDX-License-Identifier: MIT
"""Every permission denies something: one check a bit, in a domain of it alone.

Source: the maintainer's tree (upcoming ABI 12); landlock-lsm/linux issue 55.
"""

from suite.case import (
    CLONE_NEWUTS, PERMISSION, Case, Denied, Judge, Need, Process, Ruleset, answers, needs,
    own_memory, since, table,
)  # fmt: skip


class Permitted(Case, frozen=True, kw_only=True):
    """A permission that is handled, and allowed by no rule."""

    permission: PERMISSION


CASES = {
    label.replace(".", "-"): Permitted(
        permission=bit, covers=bit, expect=since(bit, Denied("EPERM"))
    )
    for bit in PERMISSION
    for label in bit.labels
}


@needs(Need.ADMIN)
@answers("perm-ns-unshare", "perm-cap-rules")
@table(CASES)
@own_memory
def test_denied(case: Permitted, process: Process, judge: Judge) -> None:
    """A new namespace takes both permissions, where they are handled: it is one, and takes one."""
    control = process.fork().observe(Process.unshare, CLONE_NEWUTS)
    sandboxed = process.under(Ruleset(permissions=case.permission))
    judge(case.expect, sandboxed.observe(Process.unshare, CLONE_NEWUTS), control)
