# SPDX-License-Identifier: MIT
"""Processes whose memory is counted."""

import os

from suite.case import CLONE_NEWNS, Process


class Group:
    """A cgroup of the memory controller with one process, and who looks at it from outside."""

    def __init__(self, keeper: Process, place: str) -> None:
        keeper.unshare(CLONE_NEWNS)
        keeper.mount("cgroup2", place, "cgroup2")
        self._keeper = keeper
        # Every mount of cgroup2 shows the same groups.
        self._path = place + place.replace("/", "-").replace("-", "/", 1)
        keeper.mkdir(self._path)
        self._set("../cgroup.subtree_control", "+memory")
        self.member = keeper.fork()
        assert self.member.pid is not None
        self.pid = self.member.pid.value
        self._set("cgroup.procs", str(self.pid))

    def _set(self, name: str, value: str) -> None:
        fd = self._keeper.open(f"{self._path}/{name}", os.O_WRONLY)
        self._keeper.write(fd, value.encode())
        self._keeper.close(fd)

    def charged(self) -> int:
        """Bytes that are in use by now."""
        # Up to 256 KiB are charged before they are used, for each processor. The kernel gives them
        # back when the group is over this mark, and kills nobody for that: memory_high_write() in
        # mm/memcontrol.c.
        self._set("memory.high", "0")
        self._set("memory.high", "max")
        return int(self._keeper.read_file(f"{self._path}/memory.current"))

    @property
    def limit_file(self) -> str:
        """Where the limit is, for who sets it by itself."""
        return f"{self._path}/memory.max"

    def limit(self, left: int) -> None:
        """To so many bytes more than there are by now."""
        self._set("memory.max", str(self.charged() + left))

    def objects(self) -> int:
        """Bytes of the kernel's own objects that are in use by now, counted to the byte."""
        self.charged()  # what processors have counted by themselves is added up
        lines = self._keeper.read_file(f"{self._path}/memory.stat").splitlines()
        counts = dict(line.split() for line in lines)
        return int(counts[b"slab_unreclaimable"])
