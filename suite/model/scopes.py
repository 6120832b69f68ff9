# SPDX-License-Identifier: MIT
"""Other processes: who may trace whom, and what scopes keep inside of a domain.

Source: security/landlock/task.c; Documentation/userspace-api/landlock.rst, "Ptrace restrictions"
and "IPC scoping".
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from suite.landlock.abi import SCOPE, Erratum
from suite.model.landlock import Domain, Model, Subject, layers_with
from suite.model.verdicts import Cause, Denial, Request


def same_layers(one: Domain, other: Domain) -> int:
    """How many layers two domains share: they are the oldest ones."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a is not b:
            break
        count += 1
    return count


def contains(ancestor: Domain, descendant: Domain) -> bool:
    """Whether a domain is another one, or an ancestor of it; no domain is everybody's ancestor."""
    return same_layers(ancestor, descendant) == len(ancestor)


# Tracing


def trace(tracer: Subject, tracee: Subject) -> Denial | None:
    """ptrace(2) and what is allowed as it is: only what is at least as restricted.

    Source: hook_ptrace_access_check(), hook_ptrace_traceme().
    """
    if contains(tracer.domain, tracee.domain):
        return None
    youngest = len(tracer.domain) - 1
    return Denial(errno.EPERM, (Cause(tracer, Request.PTRACE, youngest),))


# Scopes


def is_outside(client: Domain, server: Domain, scope: SCOPE) -> bool:
    """Whether a server is outside of what a scope of the client's layers leaves in its reach.

    Each layer with the scope allows only who is in that layer, too.

    Source: domain_is_scoped().
    """
    shared = same_layers(client, server)
    return any(layer.handled.scope & scope for layer in client[shared:])


def _scoped(client: Subject, server: Subject, scope: SCOPE, request: Request) -> Denial | None:
    if not is_outside(client.domain, server.domain, scope):
        return None
    scoped = layers_with(client.domain, lambda handled: handled.scope & scope)
    return Denial(errno.EPERM, (Cause(client, request, scoped[-1]),))


def signal(
    model: Model, sender: Subject, receiver: Subject, *, same_process: bool
) -> Denial | None:
    """kill(2) and its like, from the thread that calls it.

    Source: hook_task_kill(); "landlock: Always allow signals between threads of the same process".
    """
    if same_process and model.fixed(Erratum.SCOPED_SIGNAL_HANDLING):
        return None
    return _scoped(sender, receiver, SCOPE.SIGNAL, Request.SIGNAL)


def connect_abstract(client: Subject, server: Subject) -> Denial | None:
    """connect(2) or sendto(2) to a UNIX socket with an abstract name, which ``server`` has made.

    Source: hook_unix_stream_connect(), hook_unix_may_send().
    """
    scope = SCOPE.ABSTRACT_UNIX_SOCKET
    return _scoped(client, server, scope, Request.ABSTRACT_UNIX_SOCKET)


# Signals that files send (SIGIO): the owner of a file is set by one process, and signalled later


@dataclass(frozen=True, slots=True)
class Owner:
    """What is kept with a file when a thread says who is to be signalled (F_SETOWN)."""

    subject: Subject
    """Of the thread that said so."""
    process: object
    """Its process, if it may always be signalled."""


def set_owner(
    model: Model, setter: Subject, process: object, *, is_group: bool, own_process: bool
) -> Owner | None:
    """Who will be asked about when the file sends a signal; None if nobody needs to be.

    The file keeps the domain of whom it is, though all of its processes may have ended.

    Args:
        model: The rules.
        setter: The thread that sets the owner.
        process: Its process.
        is_group: Whether the owner is a process group (or session), not a process or thread.
        own_process: Whether the owner (of a group: its leader) is of the same process.

    Source: hook_file_set_fowner(), control_current_fowner(); "landlock: Fix LANDLOCK_SCOPE_SIGNAL
    bypass on the SIGIO path".
    """
    exempts_own = model.fixed(Erratum.SCOPED_SIGNAL_HANDLING)
    counts_groups = model.has("sigio-bypass")
    if exempts_own and own_process and (counts_groups or not is_group):
        return None
    if not layers_with(setter.domain, lambda handled: handled.scope & SCOPE.SIGNAL):
        return None
    own = process if exempts_own and not counts_groups else None
    return Owner(setter, own)


def send_sigio(owner: Owner, receiver: Subject, process: object) -> Denial | None:
    """Whether a file's signal reaches a thread of a process.

    Source: hook_file_send_sigiotask().
    """
    if owner.process is process:
        return None
    return _scoped(owner.subject, receiver, SCOPE.SIGNAL, Request.SIGNAL)
