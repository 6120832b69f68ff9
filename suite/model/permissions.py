# SPDX-License-Identifier: MIT
"""Permissions: which kinds of namespaces and which capabilities a domain may use.

Upcoming (``suite/landlock/abi.py``): no release has them yet.

A layer that handles a permission denies every use of its kind that none of its rules allows. Who
may do something without Landlock is found out before: a rule allows no more than that.
"""

from __future__ import annotations

import errno

from suite.landlock.abi import PERMISSION
from suite.model.landlock import Layer, Subject
from suite.model.verdicts import PERMISSION_OF, Cause, Denial, Request


def use(subject: Subject, request: Request, one: int) -> Denial | None:
    """Make or enter a namespace of a kind (CLONE_NEW*), or use a capability (``1 << CAP_*``)."""
    permission = PERMISSION_OF[request]
    denying = [at for at, it in enumerate(subject.domain) if not _allows(it, permission, one)]
    if not denying:
        return None
    return Denial(errno.EPERM, (Cause(subject, request, denying[-1], one),))


def _allows(layer: Layer, permission: PERMISSION, one: int) -> bool:
    handles = layer.handled.permissions & permission
    return not handles or bool(layer.ruleset.uses(permission).access & one)
