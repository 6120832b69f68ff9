# SPDX-License-Identifier: MIT
"""What the cases of tracepoints leave out of an event, so that two runs compare."""

from cases.trace.traces import told
from suite.witness.tracefs import Event


def test_a_process_id_is_no_part_of_an_escape() -> None:
    """The name of the socket ends in a byte that trace events print as an octal number."""
    event = Event("deny", 1, r"peer_pid=251 sun_path=a\040\303\251")
    assert told([event], {"251": "PID"}) == r"deny peer_pid=PID sun_path=a\040\303\251"
