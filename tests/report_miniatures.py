# SPDX-License-Identifier: MIT
"""Tiny kernels, one trait each, and the results of a run on them."""

from collections.abc import Callable

from msgspec.structs import replace

from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen
from suite.judge.records import CaseRecord, Facts, KernelBuild, Results, TargetRecord, Verdict
from suite.landlock.abi import CREATE, FS, NET, RESTRICT, SCOPE, TAKEN_BY, Feature
from tests.abi_miniature import FEATURES, NEWEST

EINVAL = Rejected(syscall="create_ruleset", errno="EINVAL")
E2BIG = Rejected(syscall="restrict_self", errno="E2BIG")

BUG = (
    "cred-transfer: a child of keyctl(KEYCTL_SESSION_TO_PARENT) lost its domain "
    "(CVE-2024-42318, fixed by 39705a6c29f8 in 6.11)"
)

LISTED = "the fix is not in this series yet (https://github.com/landlock-lsm/linux/issues/41)"

PANIC = """the kernel panicked in move_mount
[   12.104] BUG: kernel NULL pointer dereference, address: 0000000000000028
[   12.105] RIP: 0010:collect_domain_accesses+0x3c/0x1a0
[   12.107] \x1b[1mKernel panic - not syncing: Fatal exception\x1b[0m"""

BEHAVIOURS: dict[str, tuple[Feature, str]] = {
    "fs/access[execute]": (FS.EXECUTE, "execve(2) of a file needs fs.execute."),
    "fs/access[read-file]": (FS.READ_FILE, "open(2) for reading needs fs.read_file."),
    "fs/refer[rename]": (FS.REFER, "rename(2) to another folder needs fs.refer."),
    "fs/refer[link]": (FS.REFER, "link(2) to another folder needs fs.refer."),
    "fs/truncate[path]": (FS.TRUNCATE, "truncate(2) needs fs.truncate."),
    "fs/ioctl[device]": (FS.IOCTL_DEV, "ioctl(2) on a device needs fs.ioctl_dev."),
    "net/tcp[bind]": (NET.BIND_TCP, "bind(2) of a TCP socket needs net.bind_tcp."),
    "net/tcp[connect]": (NET.CONNECT_TCP, "connect(2) of a TCP socket needs net.connect_tcp."),
    "net/udp[bind]": (NET.BIND_UDP, "bind(2) of a UDP socket needs net.bind_udp."),
    "scope/signal[parent]": (SCOPE.SIGNAL, "kill(2) of a process outside is denied."),
    "scope/unix[connect]": (SCOPE.ABSTRACT_UNIX_SOCKET, "connect(2) to the outside is denied."),
    "syscalls/restrict[tsync]": (RESTRICT.TSYNC, "Every thread gets the domain."),
}


def claim(label: str, abi: int, *, accepts: bool | None = None) -> CaseRecord:
    """Whether a kernel accepts a feature; by default exactly when it claims it."""
    feature = FEATURES[label]
    owed = feature.since <= abi
    done = owed if accepts is None else accepts
    refusal = Rejected(TAKEN_BY[type(feature)] if abi else "create_ruleset", "EINVAL")
    return CaseRecord(
        id=f"claims/bits[{label.replace('.', '-').replace('_', '-')}]",
        verdict=(Verdict.CONFORMS if owed else Verdict.ABSENT)
        if owed == done
        else Verdict.DEVIATES,
        summary=f"{label} is accepted from ABI {feature.since} on, and rejected before.",
        source="include/uapi/linux/landlock.h",
        covers=[label],
        expected=Allowed() if owed else refusal,
        observed=Allowed() if done else refusal,
    )


def behaviour(case: str, abi: int, observed: Outcome | None = None) -> CaseRecord:
    """A case about one feature; by default the kernel does what it owes."""
    feature, summary = BEHAVIOURS[case]
    has = feature.since <= abi
    owed: Outcome = Denied(errno="EPERM" if "scope" in case else "EACCES") if has else EINVAL
    calm = Verdict.CONFORMS if has else Verdict.ABSENT
    return CaseRecord(
        id=case,
        verdict=calm if observed in (None, owed) else Verdict.DEVIATES,
        summary=summary,
        source="include/uapi/linux/landlock.h",
        covers=list(feature.labels),
        clause=f"ABI {feature.since}+" if has else f"below ABI {feature.since}",
        expected=owed,
        observed=observed or owed,
        control=Allowed(),
    )


def kernel(
    name: str,
    release: str,
    abi: int,
    errata: int | None = None,
    missing: str | None = None,
    *,
    change: Callable[[CaseRecord], CaseRecord] = lambda case: case,
) -> TargetRecord:
    """A kernel that does all that it claims, but for what ``change`` makes of a case."""
    cases = [claim(label, abi) for label in FEATURES if label not in CREATE.ERRATA.labels]
    cases += [behaviour(case, abi) for case in BEHAVIOURS]
    cases.append(
        CaseRecord(
            id="fs/btrfs[rename]",
            verdict=Verdict.SKIPPED,
            summary="rename(2) between subvolumes is EXDEV.",
            covers=["fs.refer"],
            reason="needs btrfs: no module for it",
        )
    )
    return TargetRecord(
        name=name,
        facts=Facts(
            release=release,
            version="#1 SMP PREEMPT_DYNAMIC",
            machine="x86_64",
            abi=abi,
            errata=errata,
            missing=missing,
            lsm=["lockdown", "capability", *(["landlock"] if abi else []), "yama"],
        ),
        kernel=KernelBuild(
            name=name.removeprefix("vm:"),
            release=release,
            version=f"{release}-1",
            source="debian:trixie",
            sha256="0" * 64,
        ),
        cases=[change(case) for case in cases],
    )


def lacks_signal(case: CaseRecord) -> CaseRecord:
    """The scope.signal that its ABI version promises is not there."""
    if case.id == "claims/bits[scope-signal]":
        return claim("scope.signal", 6, accepts=False)
    return behaviour(case.id, 6, EINVAL) if case.id == "scope/signal[parent]" else case


def backported_udp(case: CaseRecord) -> CaseRecord:
    """A right of a later ABI version that it does not claim."""
    return claim("net.bind_udp", 6, accepts=True) if "net-bind-udp" in case.id else case


def known_bug(case: CaseRecord) -> CaseRecord:
    """A fixed bug is still there."""
    if case.id == "syscalls/restrict[tsync]":
        return replace(case, verdict=Verdict.DEVIATES, observed=Allowed(), bug=BUG)
    return case


def unfixed(case: CaseRecord) -> CaseRecord:
    """An erratum is not claimed, and seen."""
    if case.id == "scope/signal[parent]":
        return replace(case, verdict=Verdict.UNFIXED, observed=Denied(errno="EPERM"))
    return case


def panics(case: CaseRecord) -> CaseRecord:
    """One case kills the kernel; those after it in the plan are lost."""
    if case.id == "fs/refer[link]":
        return replace(case, verdict=Verdict.CRASHED, observed=None, control=None, reason=PANIC)
    if case.id.startswith(("net", "scope", "syscalls")):
        reason = "not run: the kernel had panicked"
        return replace(case, verdict=Verdict.LOST, observed=None, control=None, reason=reason)
    return case


def listed(case: CaseRecord) -> CaseRecord:
    """A deviation and a crash that are in a list of known ones."""
    if case.id == "fs/truncate[path]":
        return replace(case, verdict=Verdict.DEVIATES, observed=Allowed(), known=LISTED)
    if case.id == "fs/refer[link]":
        return replace(panics(case), known="it panics (33cb713db016)")
    return case


def listed_and_new(case: CaseRecord) -> CaseRecord:
    """As ``listed``, and one deviation in the same file that nobody knew of."""
    if case.id == "fs/access[execute]":
        return replace(case, verdict=Verdict.DEVIATES, observed=Allowed())
    return listed(case)


def silent_claims(case: CaseRecord) -> CaseRecord:
    """Some claims cases gave no answer."""
    if case.id.startswith("claims/bits[restrict"):
        reason = "the control failed: ENOSPC"
        return replace(case, verdict=Verdict.BROKEN, observed=None, reason=reason)
    return case


def never_came_up(name: str) -> TargetRecord:
    """A machine that did not boot; every planned case is lost."""
    reason = "no agent after 60 s\n[    3.2] VFS: Unable to mount root fs on unknown-block(0,0)"
    return TargetRecord(
        name=name,
        cases=[
            CaseRecord(id=case, verdict=Verdict.LOST, covers=[*bit.labels], reason=reason)
            for case, (bit, _) in BEHAVIOURS.items()
        ],
    )


def run(*targets: TargetRecord, landproof: str = "0.1.0") -> Results:
    """A results set."""
    started = "2026-11-21T10:00:00Z"
    return Results(landproof=landproof, started=started, seconds=312.4, targets=[*targets])


def zoo() -> Results:
    """Every miniature, as one run."""
    return run(
        kernel("vm:5.10", "5.10.0-36-amd64", 0, missing="ENOSYS"),
        kernel("vm:6.1", "6.1.0-42-amd64", 0, missing="EOPNOTSUPP"),
        kernel("vm:6.6", "6.6.13+bpo-amd64", 3),
        kernel("vm:6.9", "6.9.7+bpo-amd64", 4, change=silent_claims),
        kernel("vm:el9", "5.14.0-611.5.1.el9_7", 6, 0, change=lacks_signal),
        kernel("vm:6.12", "6.12.43+deb12-amd64", 6, 0b11),
        kernel("vm:6.12u", "6.12.9-udp", 6, 0b01, change=lambda it: unfixed(backported_udp(it))),
        kernel("vm:6.18", "6.18.3-amd64", 7, 0b111, change=panics),
        kernel("vm:7.0", "7.0.2-amd64", 8, 0b1111, change=known_bug),
        kernel("vm:next", "8.1.0-rc2", 13, 0b1001111),
        never_came_up("vm:7.9"),
    )


def few() -> Results:
    """A death, a known bug and silence, without claims: for formats that write case by case."""
    chosen = [it for it in zoo().targets if it.name in {"vm:6.18", "vm:7.0", "vm:7.9"}]
    return run(
        *(
            replace(target, cases=[it for it in target.cases if not it.id.startswith("claims")])
            for target in chosen
        )
    )


def known() -> Results:
    """Faults that are listed as known, on one kernel alone and on another beside a new one."""
    targets = (
        kernel("vm:6.12", "6.12.43+deb12-amd64", 6, 0b11, change=listed),
        kernel("vm:6.18", "6.18.3-amd64", 7, 0b111, change=listed_and_new),
    )
    return run(
        *(
            replace(it, cases=[case for case in it.cases if case.id.startswith("fs/")])
            for it in targets
        )
    )


def hostile() -> Results:
    """Text that would end, break or fake what a format is made of, wherever a target can put it."""
    evil = "\x00\x1b[31m\ufffe\ud800]]>&<x a='\"'># SKIP\r\nok 1\n  # Subtest: x\n::error::\n% - |`"
    bad = CaseRecord(
        id=f"fs/x[{evil}]",
        verdict=Verdict.DEVIATES,
        summary=evil,
        source=evil,
        covers=[evil],
        expected=Allowed(),
        observed=Seen(evil),
        clause=evil,
        bug=f"bug {evil}: {evil}",
        reason=evil,
        calls=[evil],
    )
    cases = [replace(bad, id=f"fs/x[{it}{evil}]", verdict=it) for it in Verdict]
    cases += [bad, replace(bad, id=f"fs/x[known{evil}]", known=evil)]
    target = kernel(f"vm:{evil}", evil, 7)
    return run(replace(target, cases=cases), TargetRecord(name="silent", reason=evil))


def later() -> Results:
    """The zoo some months later: some better, some worse."""
    targets = {target.name: target for target in zoo().targets}
    first = targets["vm:6.6"].cases[-2]
    return run(
        targets["vm:5.10"],
        kernel("vm:6.6", "6.6.20+bpo-amd64", 0, missing="EOPNOTSUPP"),
        kernel("vm:el9", "5.14.0-650.el9", 6, 0b11),
        kernel("vm:6.12", "6.12.43+deb12-amd64", 6, 0b11, change=lacks_signal),
        kernel("vm:6.12u", "6.12.9-udp", 6, 0b01, change=lambda it: panics(backported_udp(it))),
        replace(
            targets["vm:7.0"],
            cases=[
                replace(case, expected=Denied(errno="EPERM")) if case.id == first.id else case
                for case in targets["vm:7.0"].cases[:-1]
            ],
        ),
        kernel(f"vm:{NEWEST}", "7.3.4-amd64", NEWEST, 0b1111),
        landproof="0.2.0",
    )


def whiteout(errata: int | None, *, fixed: bool) -> CaseRecord:
    """The case of erratum 4 on a kernel that claims these errata, and has the fix or has not."""
    claimed = bool((errata or 0) & 0b1000) or (fixed and errata is None)
    calm = Verdict.CONFORMS if claimed else Verdict.UNFIXED
    outcomes: dict[bool, Outcome] = {True: Denied(errno="EACCES"), False: Allowed()}
    return CaseRecord(
        id="history/whiteouts[mknod]",
        verdict=calm if fixed == claimed else Verdict.DEVIATES,
        summary="mknod(2) of a whiteout needs fs.make_reg.",
        covers=["fs.make_reg", "fs.make_char"],
        expected=outcomes[claimed],
        observed=outcomes[fixed],
        clause=f"ABI 1+, erratum 4 {'' if claimed else 'not '}fixed",
    )


def seventeenth(observed: Outcome = E2BIG) -> CaseRecord:
    """The case of the layer that is one too many."""
    return CaseRecord(
        id="syscalls/layers[seventeenth]",
        verdict=Verdict.CONFORMS if observed == E2BIG else Verdict.DEVIATES,
        summary="A 17th layer is refused.",
        answers=["layer-limit-16"],
        expected=E2BIG,
        observed=observed,
    )


def more(target: TargetRecord, *cases: CaseRecord) -> TargetRecord:
    """A target where more cases ran."""
    return replace(target, cases=[*target.cases, *cases])


def compat_zoo() -> Results:
    """One kernel for each thing that the compatibility data has a word for."""
    targets = {target.name: target for target in zoo().targets}
    return run(
        targets["vm:5.10"],
        more(targets["vm:6.6"], whiteout(None, fixed=True), seventeenth()),
        more(targets["vm:el9"], whiteout(0, fixed=False), seventeenth(Allowed())),
        more(targets["vm:6.12u"], whiteout(0b01, fixed=True)),
        more(targets["vm:7.0"], whiteout(0b1111, fixed=True), seventeenth()),
        more(kernel("vm:7.1", "7.1.2-liar", 9, 0b1111), whiteout(0b1111, fixed=False)),
        targets["vm:7.9"],
    )
