# SPDX-License-Identifier: MIT
"""The address and port in the record of a denial, by the call, and by the family of the address.

Source: security/landlock/net.c, current_check_access_socket(); security/lsm_audit.c,
audit_log_lsm_data(), LSM_AUDIT_DATA_NET.
"""

from cases.audit.families import OnPort, Use, rows
from cases.audit.logs import logged, logs, says
from suite.case import AuditLog, Expectation, Judge, Need, Process, Ruleset, needs, table, vm_only

ADDRESSES = {"ipv6": "::1", "mapped": "::ffff:127.0.0.1"}


def owed(use: Use, family: str) -> Expectation:
    record = f"blockers={use.right.labels[0]}"
    if family in ADDRESSES:
        address, port = ("daddr", "dest") if use.waits else ("saddr", "src")
        record += f" {address}={ADDRESSES[family]} {port}=PORT"
    return logged([use.right], says(record))


ROWS = rows(
    owed,
    "aud-family",
    {
        "bind-tcp": "mapped unspecified-any",
        "connect-tcp": "mapped",
        "bind-udp": "ipv6 mapped unspecified-any",
        "connect-udp": "ipv6 mapped",
        "sendto-udp": "mapped unspecified",
    },
)


@vm_only
@needs(Need.AUDIT)
@table(ROWS)
def test_family(case: OnPort, process: Process, port: int, judge: Judge) -> None:
    """The record has address and port as they were given, and neither if their family is none."""
    control = case.control(process, port)
    with AuditLog(process) as log:
        denied = case.attempt(process.under(Ruleset(net=case.use.right)), port)
        accesses = log.accesses()
    judge(case.expect, logs(accesses, denied, names={str(port): "PORT"}), control)
