# SPDX-License-Identifier: MIT
"""How many objects the kernel keeps, to see whether calls leave some behind.

Source: proc_slabinfo(5). Landlock's own objects come from the caches for any size; what its calls
take hold of besides are credentials and process ids.
"""

import os
from collections.abc import Callable

from cases.processes import pause
from suite.case import Outcome, Process, Seen
from suite.witness.leaks import LOOKS

READS = 24
"""Each gives a page or so; the last ones find the end."""
OWN = "cred_jar", "pid"
NOTHING = Seen("nothing kept")
ROUNDS = 3
FEW_LOOKS = 5
"""In a round that others follow: what is freed seconds later is waited for behind the last one."""
SLACK = 60
"""Objects of a cache that others take meanwhile, or that processors keep at hand all the same."""


def objects(process: Process) -> dict[str, int]:
    """Objects in use, by cache.

    What is freed after a grace period of RCU waits for seconds if nobody wants the memory
    (kfree_rcu_shrink_scan() in kernel/rcu/tree.c), and what processors have at hand counts as used:
    hundreds of small objects (set_cpu_partial() in mm/slub.c). So both is given back before.
    """
    process.observe(Process.write_file, "/proc/sys/vm/drop_caches", b"2")
    for name in _counts(process):
        process.observe(Process.write_file, f"/sys/kernel/slab/{name}/shrink", b"1")
    return _counts(process)


def _counts(process: Process) -> dict[str, int]:
    fd = process.open("/proc/slabinfo", os.O_RDONLY)
    parts = [process.read(fd, 4096) for _ in range(READS)]
    process.close(fd)
    lines = b"".join(it.data[: it.value] for it in parts).decode().splitlines()[2:]
    counts = {name: int(count) for name, count, *_ in map(str.split, lines)}
    return {
        name: count for name, count in counts.items() if name.startswith("kmalloc") or name in OWN
    }


def kept(process: Process, times: int, repeat: Callable[[], object]) -> Outcome:
    """What ``repeat``, which does something so many times, leaves behind for good.

    What is left once a time is as many objects of a cache, in round after round; nothing else has
    one of them grow so.
    """
    repeat()  # what is made once, and what processors keep at hand
    before = objects(process)
    grown: set[str] = set()
    for number in range(1, ROUNDS + 1):
        repeat()
        looks = LOOKS if number == ROUNDS else FEW_LOOKS
        grown = _grown(process, before, number * times - SLACK, looks)
        if not grown:
            return NOTHING
    return Seen(f"kept in {', '.join(sorted(grown))}")


def _grown(process: Process, before: dict[str, int], least: int, looks: int) -> set[str]:
    """The caches with so many more objects at each of so many looks."""
    grown: set[str] = set()
    for look in range(looks):
        now = objects(process)
        grown = {name for name, count in now.items() if count - before.get(name, 0) >= least}
        if not grown:
            break
        pause(process, look)
    return grown
