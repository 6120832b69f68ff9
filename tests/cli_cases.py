# SPDX-License-Identifier: MIT
"""Cases for a run of the command line: one conforms, one deviates, one waits for ever."""

CASES = '''\
"""Cases that need nothing of Landlock."""

import struct
from pathlib import Path

from suite.landlock.abi import FS
from suite.judge.expectation import always
from suite.judge.outcome import Allowed, Denied
from suite.run.rows import covers


@covers(FS.EXECUTE)
def test_conforms(process, judge):
    """Every process has a number."""
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))


@covers(FS.EXECUTE)
def test_deviates(process, judge):
    """No process has a number."""
    judge(always(Denied("EACCES")), process.observe(lambda p: p.getpid()))


def test_waits(process, judge):
    """Reading an empty pipe takes as long as it likes."""
    fd = struct.unpack_from("<i", process.pipe().data)[0]
    process.session.deadline_ms = 300_000
    Path(__file__).with_name("started").touch()
    judge(always(Allowed()), process.observe(lambda p: p.read(fd, 1)))
'''
