# SPDX-License-Identifier: MIT
"""The cases against a kernel that enforces nothing: what expects a denial must miss it."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import load
from suite.judge.outcome import Denied, Outcome, Rejected
from suite.judge.records import TargetRecord, Verdict

CHECKOUT = Path(__file__).parents[1]

FAILS_ANYWAY = {
    # What the caller got wrong is told before Landlock is asked, or where it is not asked at all.
    "fs/execute_unfit": "missing unknown-format-with-rule",
    "fs/ioctl_dev": "opened-as-a-path",
    "fs/open_errors": "fifo-to-write-read-handled file-as-folder file-to-create-anew"
    " folder-access-mode-3 folder-to-create folder-to-read-and-write folder-to-write missing"
    " socket-to-write-read-handled symlink symlink-dangling-to-create-anew",
    "fs/open_flavours": "beneath-absolute beneath-dot-dot no-symlinks-symlink",
    "fs/open_no_access": "access-mode-3-is-no-writing o-path-creates-nothing o-path-ioctl"
    " o-path-read o-path-truncate",
    "fs/special": "epoll eventfd secret-memory socket",
    "fs/topology_order": "mount-missing-target move-mount-missing move-mount-unknown-flag"
    " pivot-root-missing umount-missing umount-no-mount umount-unknown-flag",
    "fs/truncate_special": "device fifo folder missing negative-size opened-read-only",
    "ptrace/proc": "comm-of-another",
    "scope/abstract_unix_names": "bind-to-taken-name datagrams-to-a-stream network-namespace"
    " no-datagram no-stream not-listening stream-to-datagrams",
    "scope/owner_gone": "fiosetown-ended setown-ended",
    "scope/sigio": "no-such-owner",
    "scope/signal_errors": "no-such-group no-such-process no-such-signal wrong-thread-group",
    # A filter of seccomp(2) answers first.
    "inheritance/seccomp": "refusing-filter-beneath-domain"
    " refusing-filter-beneath-domain-that-allows refusing-filter-on-domain"
    " refusing-filter-on-domain-that-allows",
    # There is nowhere to go to, or to make something in.
    "fs/removed": "create-in-removed-folder-folder-rule create-in-removed-folder-no-rule"
    " create-in-removed-folder-own-rule",
    "history/disconnected_directories": "parent",
}
"""Cases of calls that fail without Landlock too, and with an errno that is never Landlock's."""

ALLOWS_NO_MORE = {
    # The domain allows it, or does not handle it; modes, capabilities and the VFS forbid it.
    "fs/execute_unfit": "folder-with-rule mode-without-x-with-rule",
    "fs/link": "folder-not-handled",
    "fs/precedence_opened": "mode-of-a-folder-on-the-way mode-of-a-folder-on-the-way-to-create"
    " mode-of-the-file mode-of-the-folder-to-create",
    "fs/refer_mounts": "across-link-refer-everywhere across-rename-refer-everywhere",
    "fs/topology_order": "unprivileged",
    "fs/truncate_special": "file-mode",
    "net/udp_malformed": "bind-tcp-handled connect-tcp-handled sendto-tcp-handled",
    "inheritance/gaining_privileges": "file-capability-no-new-privs set-user-id-no-new-privs",
    "permissions/capabilities": "gains-nothing",
}
"""Cases that a domain, or a rule, gives no permission: they are about what is not Landlock's."""

WITHOUT_A_DOMAIN = ("syscalls/ruleset_file[",)
"""Files of cases that enforce nothing."""


def ids(*listed: dict[str, str]) -> set[str]:
    """The ids of the cases."""
    return {f"{file}[{row}]" for names in listed for file in names for row in names[file].split()}


@pytest.fixture(scope="module")
def mutant(tmp_path_factory: pytest.TempPathFactory) -> TargetRecord:
    """What all cases saw there."""
    path = tmp_path_factory.mktemp("mutant") / "results.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutant", str(path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (target,) = load(path).targets
    return target


def enforced(expected: Outcome | None) -> bool:
    """Whether it takes landlock_restrict_self(2) for a case to come to this."""
    return isinstance(expected, Denied) or (
        isinstance(expected, Rejected) and expected.syscall == "restrict_self"
    )


@pytest.mark.timeout(900)
def test_every_case_misses_its_denial(mutant: TargetRecord) -> None:
    """A case that is content with a kernel that denies nothing can't catch a regression."""
    content = {c.id for c in mutant.cases if enforced(c.expected) and c.verdict.good}
    content -= ids(FAILS_ANYWAY, ALLOWS_NO_MORE)
    assert [name for name in sorted(content) if not name.startswith(WITHOUT_A_DOMAIN)] == []


@pytest.mark.timeout(900)
def test_what_is_excepted_needs_it(mutant: TargetRecord) -> None:
    """Each exception is a case that conforms, unless this kernel can't show it."""
    excepted = ids(FAILS_ANYWAY, ALLOWS_NO_MORE)
    assert sorted(excepted - {case.id for case in mutant.cases if not case.verdict.bad}) == []


@pytest.mark.timeout(900)
def test_most_cases_expect_something_of_the_domain(mutant: TargetRecord) -> None:
    """And it is seen: a mutant that came to nothing would prove nothing."""
    assert mutant.facts is not None
    if not mutant.facts.abi:
        pytest.skip("this kernel has no Landlock")
    missed = [case for case in mutant.cases if case.verdict is Verdict.DEVIATES]
    assert len(missed) > len(mutant.cases) / 4
