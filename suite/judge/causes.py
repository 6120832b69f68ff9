# SPDX-License-Identifier: MIT
"""Why a call fails that is not Landlock's doing: what the target stands on says so.

A cause is certain if the call could not have come to anything else: a filter answers it, no layer
is left. Others are likely: they are asked for only once it is known that the call fails without
Landlock, too. On a target that nothing confines, there is no cause, and a call that fails there is
the kernel's fault, or ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.judge.absence import is_gvisor
from suite.judge.records import Facts
from suite.judge.standing import ALL_CAPABILITIES, KILLS, names_of
from suite.landlock.abi import LANDLOCK_CALLS, MAX_LAYERS

_FEW = 4
_SURE_LIMITS = {
    "EMFILE": ("NOFILE",),
    "EBADF": ("NOFILE",),
    "EFBIG": ("FSIZE",),
    "ENOTCONN": ("FSIZE",),
    "DIED": ("FSIZE",),
    "GONE": ("FSIZE",),
}
"""The limits of getrlimit(2) behind what Landlock never gives."""
_LIMITS = {
    "EAGAIN": ("NPROC", "MEMLOCK", "SIGPENDING"),
    "ENOMEM": ("AS", "DATA", "MEMLOCK"),
    "EPERM": ("MEMLOCK",),
    "ECONNREFUSED": ("FSIZE",),
}
"""Those that may be behind other errnos."""
_UNUSED = {"CAP_SYS_RESOURCE", "CAP_SYS_BOOT", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND"}
"""Capabilities that no call of a case asks for: to lack them explains nothing."""
_NAMESPACES = "user.max_"
_ENDINGS = {"DIED", "GONE"}
"""How a call is said to have failed whose process a signal ended."""


def certain_cause(facts: Facts, call: str, errno: str) -> str:
    """Why a call had to come to this errno; empty if nothing is known that explains it.

    Args:
        facts: What the target is.
        call: The name of the system call.
        errno: What it gave, by name; ``DIED`` if its process died in it.
    """
    name = _SYSCALLS.get(call, call)
    return next((said for rule in _CERTAIN if (said := rule(facts, name, errno))), "")


def _answered(facts: Facts, call: str, errno: str) -> str:
    answer = facts.standing.filtered.get(call)
    if answer == KILLS and errno in _ENDINGS:
        return f"a seccomp filter kills who calls {call}(2)"
    return f"a seccomp filter answers {call}(2): {errno}" if answer == errno else ""


def _no_layer(facts: Facts, call: str, errno: str) -> str:
    if call != "landlock_restrict_self" or errno != "E2BIG" or not facts.standing.layers:
        return ""
    return f"needs more layers than are left: {facts.standing.layers_left} of {MAX_LAYERS}"


def _no_call(facts: Facts, call: str, errno: str) -> str:
    """What a filter answers in this way is not seen when filters are asked for."""
    if errno != "ENOSYS" or call in LANDLOCK_CALLS or not facts.standing.seccomp:
        return ""
    return f"a seccomp filter is in force: {call}(2) gave ENOSYS"


def _no_reparenting(facts: Facts, _: str, errno: str) -> str:
    """Each layer denies it that is not asked to allow it, if it handles any file access or not."""
    if errno != "EXDEV" or not facts.standing.layers:
        return ""
    return "a Landlock domain is in force already, which allows no reparenting"


def _no_limit(facts: Facts, _: str, errno: str) -> str:
    return _low(facts, _SURE_LIMITS.get(errno, ()))


def _not_shown(facts: Facts, _: str, errno: str) -> str:
    return _hidden(facts) if errno in ("ENOENT", "ESRCH") else ""


_CERTAIN = (_answered, _no_layer, _no_call, _no_reparenting, _no_limit, _not_shown)
"""Landlock gives none of these errnos, or not to such calls, or it is the domain around us."""


def no_landlock_calls(facts: Facts) -> str:
    """Why nothing can be shown of Landlock: a filter answers one of its calls; or empty.

    gVisor has none of them, and other calls differ there from those of Linux as well.
    """
    if is_gvisor(facts):
        return "gVisor is not Linux, and has no Landlock"
    answers = facts.standing.filtered
    return next(
        (certain_cause(facts, it, _said(answers[it])) for it in LANDLOCK_CALLS if it in answers), ""
    )


def _said(answer: str) -> str:
    return "DIED" if answer == KILLS else answer


def likely_cause(facts: Facts, call: str, errno: str) -> str:
    """Why a call may have come to this errno that fails without Landlock, too; or empty."""
    certain = certain_cause(facts, call, errno)
    if certain:
        return certain
    if errno == "ENOSYS" and call in _OPTIONS:
        return f"needs {call}(2) (CONFIG_{_OPTIONS[call]})"
    rules = [
        rule for rule in _RULES if errno in rule.errnos and (not rule.calls or call in rule.calls)
    ]
    said = next((said for rule in rules if (said := rule.says(facts))), "")
    return f"{said}: {call}(2) gave {errno}" if said and call else said


_OPTIONS = {
    call: option
    for option, calls in {
        "AIO": "io_setup io_destroy io_submit io_getevents",
        "BLOCK": "ioprio_get ioprio_set",
        "BPF_SYSCALL": "bpf",
        "CROSS_MEMORY_ATTACH": "process_vm_readv process_vm_writev",
        "EPOLL": "epoll_create1 epoll_ctl epoll_pwait",
        "EVENTFD": "eventfd2",
        "FANOTIFY": "fanotify_init fanotify_mark",
        "FHANDLE": "name_to_handle_at open_by_handle_at",
        "FILE_LOCKING": "flock",
        "INOTIFY_USER": "inotify_init1 inotify_add_watch",
        "IO_URING": "io_uring_setup",
        "KCMP": "kcmp",
        "KEYS": "add_key keyctl request_key",
        "MULTIUSER": "setuid setgid setgroups setresuid setresgid",
        "PERF_EVENTS": "perf_event_open",
        "POSIX_MQUEUE": "mq_open mq_unlink",
        "POSIX_TIMERS": "timer_create",
        "SECCOMP": "seccomp",
        "SIGNALFD": "signalfd4",
        "SYSVIPC": "msgget semget shmget shmat",
        "TIMERFD": "timerfd_create timerfd_settime",
    }.items()
    for call in calls.split()
}
"""Calls that a kernel may be built without, by name, and the option (kernel/sys_ni.c)."""
_SYSCALLS = {"fork": "clone", "vfork": "clone"}
"""Operations of the agent, by the system call that they are."""


@dataclass(frozen=True, slots=True)
class _Rule:
    errnos: frozenset[str]
    says: Callable[[Facts], str]
    calls: frozenset[str]
    """The only ones that it is about; empty for all."""


def _rule(errnos: str, says: Callable[[Facts], str], calls: str = "") -> _Rule:
    return _Rule(frozenset(errnos.split()), says, frozenset(calls.split()))


def _domain(facts: Facts) -> str:
    return "a Landlock domain is in force already" if facts.standing.layers else ""


def _privileges(facts: Facts) -> str:
    standing = facts.standing
    if facts.in_user_namespace and not facts.uid:
        return "needs root of the initial user namespace"
    lacking = [it for it in names_of(ALL_CAPABILITIES & ~standing.permitted) if it not in _UNUSED]
    if len(lacking) > _FEW:
        return "needs root" if not standing.permitted else "needs capabilities that are not ours"
    return f"needs {' or '.join(lacking)}" if lacking else ""


def _label(facts: Facts) -> str:
    label = facts.standing.label
    return f"confined by an LSM as {label}" if facts.standing.is_labelled else ""


def _filter(facts: Facts) -> str:
    return "a seccomp filter is in force" if facts.standing.seccomp else ""


def _read_only(facts: Facts) -> str:
    places = [
        place for place, options in facts.standing.mounts.items() if "ro" in options.split(",")
    ]
    return f"{' and '.join(places)} can only be read" if places else ""


def _not_executable(facts: Facts) -> str:
    places = [p for p, options in facts.standing.mounts.items() if "noexec" in options.split(",")]
    return f"{' and '.join(places)} mounted noexec" if places else ""


def _no_network(facts: Facts) -> str:
    return _privileges(facts) and "needs a network of its own (CAP_NET_ADMIN)"


def _hidden(facts: Facts) -> str:
    options = facts.standing.mounts.get("/proc", "")
    return "/proc hides processes of others" if "hidepid" in options or "subset" in options else ""


def _sparse(facts: Facts) -> str:
    return f"needs {' and '.join(facts.standing.lacks)}" if facts.standing.lacks else ""


def _few_namespaces(facts: Facts) -> str:
    few = [
        name
        for name, value in facts.standing.sysctls.items()
        if name.startswith(_NAMESPACES) and value == "0"
    ]
    return f"{few[0]} is 0" if few else ""


def _yama(facts: Facts) -> str:
    """It asks of who attaches to another process, not of who only looks at it.

    Scope 1, which some distributions set everywhere, keeps nothing from who has CAP_SYS_PTRACE.
    Source: security/yama/yama_lsm.c, yama_ptrace_access_check().
    """
    scope = facts.standing.ptrace_scope
    if scope == 1 and "CAP_SYS_PTRACE" in names_of(facts.standing.permitted):
        return ""
    return f"kernel.yama.ptrace_scope is {scope}" if scope else ""


def _low_limits(errno: str) -> _Rule:
    return _rule(errno, lambda facts: _low(facts, _LIMITS[errno]))


def _low(facts: Facts, limits: Iterable[str]) -> str:
    low = facts.standing.low_limits
    return next((f"RLIMIT_{name} is {low[name]}" for name in limits if name in low), "")


_ATTACHING = "ptrace process_vm_readv process_vm_writev pidfd_getfd openat read"
"""Files of /proc are denied by openat(2), such as ``mem``, or by read(2), such as ``stack``."""
_RULES = (
    _low_limits("EAGAIN"),
    _low_limits("ENOMEM"),
    _low_limits("ECONNREFUSED"),
    _rule("EPERM EACCES", _yama, _ATTACHING),
    _rule("ENOSPC", _few_namespaces),
    _rule("EROFS EACCES", _read_only),
    _rule("ENOENT ENOTDIR ENXIO ENODEV", _sparse),
    _rule("ENOENT ESRCH EACCES EPERM", _hidden),
    _rule("EACCES EPERM EXDEV ENOENT EINVAL EAFNOSUPPORT", _domain),
    _rule("EACCES", _not_executable),
    _rule("ENETUNREACH ENETDOWN EADDRNOTAVAIL EHOSTUNREACH", _no_network),
    _rule("EACCES EPERM ENOENT", _label),  # AppArmor's aa_path_name(): ENOENT without a name
    _rule("EPERM ENOSYS EACCES EAFNOSUPPORT EINVAL", _filter),
    _low_limits("EPERM"),
    _rule("EACCES EPERM", _privileges),
)
"""From what says most to what says least."""
