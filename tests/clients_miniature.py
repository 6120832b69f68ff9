# SPDX-License-Identifier: MIT
"""Results of three clients on three kernels, with a cell of each kind."""

from __future__ import annotations

from suite.judge.enforced import ClientFacts, ClientRecord, Enforced
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, Facts, Results, TargetRecord, Verdict

STRICT = ClientFacts(name="fence", mode="strict", version="1.2", knows=5)
LAX = ClientFacts(name="fence", mode="best-effort", version="1.2", knows=5)
COMMAND = "fence --deny fs.truncate --"
OK = ClientRecord(
    enforced=Enforced.ENFORCES,
    command=COMMAND,
    asked=["fs.truncate", "restrict.tsync"],
    observed=Denied("EACCES"),
)
REFUSES = ClientRecord(
    enforced=Enforced.REFUSES,
    reason="fence: Landlock: Invalid argument",
    command=COMMAND,
    refused=["landlock_create_ruleset(2) (fs.truncate): EINVAL"],
    end="exit code 1",
    said="fence: Landlock: Invalid argument\n",
)
SILENT = ClientRecord(
    enforced=Enforced.SILENT,
    reason="does not ask for it",
    command=COMMAND,
    observed=Allowed(),
)
TELLS = ClientRecord(
    enforced=Enforced.TELLS, reason="does not ask for it", command=COMMAND, said="<b>too old</b>\n"
)
HOLE = ClientRecord(
    enforced=Enforced.NOT_ENFORCED,
    reason="nor is it in a domain of landproof's own",
    command=COMMAND,
    asked=["fs.truncate"],
    observed=Allowed(),
)
BREAKS = ClientRecord(
    enforced=Enforced.BREAKS,
    reason="SIGSEGV",
    command=COMMAND,
    refused=["landlock_restrict_self(2) (restrict.tsync): EINVAL"],
    end="SIGSEGV",
)
NO_WORDS = ClientRecord(
    enforced=Enforced.NOT_EXPRESSED, reason="fence has no words for scope.signal"
)


def target(
    place: str, abi: int, client: ClientFacts, cells: dict[str, ClientRecord]
) -> TargetRecord:
    """A client on a kernel, with a case for each right."""
    mode = f"+{client.mode}" if client.mode else ""
    return TargetRecord(
        name=f"client:{client.name}{mode}@{place}",
        facts=Facts(
            release=f"6.{abi}.0-test",
            version="#1 SMP",
            machine="x86_64",
            abi=abi,
            errata=None,
            client=client,
        ),
        cases=[
            CaseRecord(
                id=f"fs/rights[{label}]", verdict=Verdict.CONFORMS, covers=[label], client=record
            )
            for label, record in cells.items()
        ],
    )


def clients_zoo() -> Results:
    """Strict and lax on an old kernel, a new one, and one that lies; a canary; one not run."""
    canary = ClientFacts(name="canary", version="5.8", canary=REFUSES)
    new = {"fs.truncate": OK, "fs.ioctl_dev": OK, "scope.signal": NO_WORDS}
    return Results(
        landproof="0.1.0",
        started="2026-11-21T10:00:00Z",
        seconds=10,
        targets=[
            target("vm:6.1", 2, STRICT, {"fs.truncate": REFUSES, "fs.ioctl_dev": TELLS}),
            target("vm:6.1", 2, LAX, {"fs.truncate": SILENT, "fs.ioctl_dev": SILENT}),
            target("vm:7.3", 11, STRICT, {**new, "fs.resolve_unix": SILENT}),
            target("vm:7.3", 11, LAX, {**new, "fs.truncate": BREAKS}),
            target("lying:rocky-9.7/vm:7.3", 6, LAX, {"fs.truncate": HOLE, "fs.ioctl_dev": OK}),
            target("vm:7.3", 11, canary, {}),
            TargetRecord(name="client:fence@local", reason="fence can't be executed there"),
        ],
    )
