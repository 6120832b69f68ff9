# SPDX-License-Identifier: MIT
"""The system calls, a module an area; importing this registers them all.

So it does with what opens by path: devices, and file systems by name.
"""

from suite.kernel import devices as devices
from suite.kernel import overlay as overlay
from suite.kernel import owners as owners
from suite.kernel import system_folders as system_folders
from suite.kernel import terminals as terminals
from suite.kernel import tracefs as tracefs
from suite.kernel.calls import changing as changing
from suite.kernel.calls import content as content
from suite.kernel.calls import credentials as credentials
from suite.kernel.calls import descriptors as descriptors
from suite.kernel.calls import detached as detached
from suite.kernel.calls import handles as handles
from suite.kernel.calls import ioctl as ioctl
from suite.kernel.calls import landlock as landlock
from suite.kernel.calls import limits as limits
from suite.kernel.calls import looking as looking
from suite.kernel.calls import memory as memory
from suite.kernel.calls import mounts as mounts
from suite.kernel.calls import names as names
from suite.kernel.calls import namespaces as namespaces
from suite.kernel.calls import opening as opening
from suite.kernel.calls import processes as processes
from suite.kernel.calls import programs as programs
from suite.kernel.calls import queues as queues
from suite.kernel.calls import security as security
from suite.kernel.calls import signals as signals
from suite.kernel.calls import sockets as sockets
from suite.kernel.calls import special as special
from suite.kernel.calls import standing as standing
from suite.kernel.calls import system as system
from suite.kernel.calls import system_files as system_files
from suite.kernel.calls import tracing as tracing
from suite.kernel.calls import uring as uring
from suite.kernel.calls import watching as watching
from suite.kernel.proc import root as root
