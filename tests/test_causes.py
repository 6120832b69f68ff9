# SPDX-License-Identifier: MIT
"""What a target stands on explains failed calls; nothing explains those of a plain root."""

import errno

import pytest
from msgspec.structs import replace

from suite.judge.causes import certain_cause, likely_cause, no_landlock_calls
from suite.judge.expectation import Clause
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen, errno_name
from suite.judge.records import Facts, Verdict
from suite.judge.standing import ALL_CAPABILITIES, CAPABILITIES, Standing
from suite.judge.verdict import Judgement
from suite.run.surroundings import is_in_doubt

MKNOD = 1 << CAPABILITIES.index("MKNOD")
PLAIN = Standing(layers_left=16, limits={"NOFILE": 20000, "NPROC": 90000})


def facts(standing: Standing, **more: object) -> Facts:
    plain = {"release": "r", "version": "v", "machine": "m", "abi": 7, "errata": 7}
    return Facts(**plain, **more, standing=standing)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", errno.errorcode)
def test_nothing_excuses_a_call_of_a_plain_root(number: int) -> None:
    """Else a fault of the kernel, or of ours, would be a skipped case."""
    for call in ("openat", "mount", "landlock_restrict_self", "fork", "connect"):
        assert likely_cause(facts(PLAIN), call, errno_name(number)) == ""
    assert PLAIN.confinements == []


LIKELY = {
    "capability": (Standing(permitted=ALL_CAPABILITIES & ~MKNOD), "mknodat", "EPERM"),
    "user": (Standing(permitted=0), "mount", "EPERM"),
    "domain": (Standing(layers_left=15), "openat", "EACCES"),
    "domain-and-parents": (Standing(layers_left=15), "renameat2", "EXDEV"),
    "label": (Standing(label="docker-default (enforce)"), "mount", "EACCES"),
    "label-and-no-name": (Standing(label="x (enforce)"), "linkat", "ENOENT"),
    "filter-by-arguments": (Standing(seccomp=2), "clone3", "ENOSYS"),
    "read-only": (Standing(mounts={"/": "ro,relatime"}), "openat", "EROFS"),
    "noexec": (Standing(mounts={"/": "rw,noexec"}), "execveat", "EACCES"),
    "hidepid": (Standing(mounts={"/proc": "rw,hidepid=invisible"}), "openat", "ENOENT"),
    "no-devices": (Standing(lacks=["/dev/null"]), "openat", "ENOENT"),
    "files": (Standing(limits={"NOFILE": 64}), "openat", "EMFILE"),
    "processes": (Standing(limits={"NPROC": 8}), "fork", "EAGAIN"),
    "file-size": (Standing(limits={"FSIZE": 4096}), "write", "EFBIG"),
    "file-size-of-a-server": (Standing(limits={"FSIZE": 4096}), "openat", "ECONNREFUSED"),
    "yama": (
        Standing(permitted=0, sysctls={"kernel.yama.ptrace_scope": "1"}),
        "ptrace",
        "EPERM",
    ),
    "yama-and-files": (Standing(sysctls={"kernel.yama.ptrace_scope": "2"}), "openat", "EACCES"),
    "namespaces": (Standing(sysctls={"user.max_user_namespaces": "0"}), "unshare", "ENOSPC"),
    "network": (Standing(permitted=0), "connect", "ENETUNREACH"),
}


@pytest.mark.parametrize("name", LIKELY)
def test_what_confines_is_named(name: str) -> None:
    standing, call, gave = LIKELY[name]
    said = likely_cause(facts(standing), call, gave)
    assert said
    assert "\n" not in said
    assert likely_cause(facts(standing), call, "EEXIST") == ""


SURE = {"files", "file-size", "domain-and-parents", "filter-by-arguments", "hidepid"}
"""Landlock gives none of these errnos, or none for this reason."""


@pytest.mark.parametrize("name", sorted(LIKELY.keys() - SURE))
def test_what_is_likely_is_not_certain(name: str) -> None:
    """A denial that Landlock may have made is looked at again without it, not excused at once."""
    standing, call, gave = LIKELY[name]
    assert certain_cause(facts(standing), call, gave) == ""


CERTAIN = {
    "errno": (Standing(filtered={"mount": "EPERM"}), "mount", "EPERM", "answers mount(2): EPERM"),
    "kill": (Standing(filtered={"mount": "SIGSYS"}), "mount", "DIED", "kills who calls mount(2)"),
    "dead": (Standing(filtered={"clone": "SIGSYS"}), "fork", "GONE", "kills who calls clone(2)"),
    "layers": (Standing(layers_left=1), "landlock_restrict_self", "E2BIG", "are left: 1 of 16"),
    "files": (Standing(limits={"NOFILE": 64}), "openat", "EMFILE", "RLIMIT_NOFILE is 64"),
}


@pytest.mark.parametrize("name", CERTAIN)
def test_what_is_certain(name: str) -> None:
    standing, call, gave, says = CERTAIN[name]
    assert says in certain_cause(facts(standing), call, gave)
    assert says in likely_cause(facts(standing), call, gave)
    assert certain_cause(facts(standing), call, "EXIST") == ""
    assert certain_cause(facts(PLAIN), call, gave) == ""


def test_yama_explains_only_calls_that_attach() -> None:
    yama = facts(Standing(sysctls={"kernel.yama.ptrace_scope": "3"}))
    assert likely_cause(yama, "ptrace", "EPERM") == (
        "kernel.yama.ptrace_scope is 3: ptrace(2) gave EPERM"
    )
    assert likely_cause(yama, "mount", "EPERM") == ""
    usual = facts(Standing(sysctls={"kernel.yama.ptrace_scope": "1"}))
    assert likely_cause(usual, "ptrace", "EPERM") == ""


def test_nothing_is_shown_on_what_is_no_linux() -> None:
    """Most calls are there, and enough of them differ for cases to go wrong."""
    sandbox = replace(facts(PLAIN), release="4.19.0-gvisor")
    assert no_landlock_calls(sandbox) == "gVisor is not Linux, and has no Landlock"
    assert no_landlock_calls(facts(PLAIN)) == ""


def test_root_of_a_user_namespace_is_told_that_it_is_none() -> None:
    said = likely_cause(facts(PLAIN, in_user_namespace=True), "mknodat", "EPERM")
    assert said == "needs root of the initial user namespace: mknodat(2) gave EPERM"


PHRASES = {
    "no-new-privs": (Standing(no_new_privs=True), "no_new_privs is set"),
    "domain": (
        Standing(layers_left=14, denies=["net.bind_tcp"]),
        "in a Landlock domain of 2 layers, which denies net.bind_tcp",
    ),
    "filter": (Standing(seccomp=2, filtered={"bpf": "EPERM"}), "seccomp filters bpf"),
    "unseen-filter": (Standing(seccomp=2), "a seccomp filter is in force"),
    "container": (Standing(container="docker"), "in a container (docker)"),
    "bounding-set": (Standing(bounding=ALL_CAPABILITIES & ~MKNOD), "lacks CAP_MKNOD"),
    "limit": (Standing(limits={"NOFILE": 64}), "RLIMIT_NOFILE 64"),
    "label": (Standing(label="snap.x (enforce)"), "by an LSM as snap.x (enforce)"),
    "yama": (Standing(sysctls={"kernel.yama.ptrace_scope": "2"}), "yama.ptrace_scope is 2"),
    "no-proc": (Standing(lacks=["/proc/self/stat"]), "no /proc/self/stat"),
}


@pytest.mark.parametrize("name", PHRASES)
def test_where_we_stand_in_words(name: str) -> None:
    standing, says = PHRASES[name]
    (phrase,) = standing.confinements
    assert says in phrase


REFUSED = Denied("ECONNREFUSED")
EACCES, EPERM = Denied("EACCES"), Denied("EPERM")
DOUBTS: dict[str, tuple[Outcome, Outcome, bool]] = {
    "success-denied": (EACCES, Allowed(), True),
    "seen-denied": (EACCES, Seen("a record"), True),
    "denied-before-another-could": (EACCES, REFUSED, True),
    "not-denied": (Allowed(), EACCES, False),
    "denied-otherwise": (EPERM, EACCES, False),
    "another-before-the-denial": (REFUSED, EACCES, False),
    "refused-ruleset": (Rejected("create_ruleset", "EINVAL"), Allowed(), False),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_is_looked_at_again(name: str) -> None:
    """Only a denial that was not owed: of nothing else does a run without Landlock tell."""
    observed, expected, doubt = DOUBTS[name]
    clause = Clause(expected)
    assert is_in_doubt(Judgement(Verdict.DEVIATES, clause, expected, observed)) is doubt
    assert not is_in_doubt(Judgement(Verdict.CONFORMS, clause, expected, observed))


def test_a_call_that_kernels_may_be_built_without_is_named_with_its_option() -> None:
    """It is asked for only once the call fails without Landlock, too; and it gives ENOSYS alone."""
    assert likely_cause(facts(PLAIN), "flock", "ENOSYS") == "needs flock(2) (CONFIG_FILE_LOCKING)"
    assert certain_cause(facts(PLAIN), "flock", "ENOSYS") == ""
    assert likely_cause(facts(PLAIN), "flock", "EINVAL") == ""
    assert likely_cause(facts(PLAIN), "landlock_restrict_self", "ENOSYS") == ""
