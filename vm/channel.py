# SPDX-License-Identifier: MIT
"""What a guest needs to be spoken with, and whether a kernel that came without modules has it."""

import re

from suite.errors import UsageError
from vm.architecture import DEFAULT, Architecture
from vm.kernel import Kernel


def _options(arch: Architecture) -> list[str]:
    """Of the Kconfig: the serial port by which the agent speaks."""
    return [name.upper() for name in arch.channel]


def refuse_without(
    release: str, config: str | None, how: str, arch: Architecture = DEFAULT
) -> None:
    """Refuse a kernel without modules of which it is known that it could not be spoken with.

    Args:
        release: As uname(2) says it.
        config: Its Kconfig; None if that is unknown, and booting has to tell.
        how: What to do with the package that has the modules.
        arch: Of its machine.

    Raises:
        UsageError: The channel is a module, or not there at all.
    """
    set_to = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", config or "", re.MULTILINE))
    if not set_to:
        return
    options = _options(arch)
    modules = [name for name in options if set_to.get(name) == "m"]
    lacking = [name for name in options if set_to.get(name) not in ("y", "m")]
    if lacking:
        raise UsageError(
            f"{release} has no {' and no '.join(lacking)}, by which its guest is spoken with; build"
            f" it with CONFIG_{'=y and CONFIG_'.join(options)}=y"
        )
    if modules:
        raise UsageError(
            f"{release} has {' and '.join(modules)} as modules, and comes without modules;"
            f" {package_of_modules(release)}: {how}"
        )


def without_channel(kernel: Kernel) -> str:
    """Say what to do with a kernel that came up and could not be spoken with, after a colon."""
    options = _options(kernel.arch)
    if kernel.modules is None:
        where = package_of_modules(kernel.build.release)
        return f": if {' or '.join(options)} is a module, name it with its modules; {where}"
    return f": build it with CONFIG_{' and CONFIG_'.join(options)}"


def package_of_modules(release: str) -> str:
    """Say which package has the modules of a release, as distributions call their releases."""
    if re.search(r"\.(?:fc|el|amzn|oe)\d+", release):
        return f"kernel-modules-core-{release} has them"
    if re.search(r"-(?:default|preempt|azure-base)$", release):
        return f"kernel-default of {release} has them"
    if re.search(r"-(?:amd64|686|arm64|riscv64|s390x)$", release):
        return f"linux-image-{release} has them, or linux-modules-{release} where there is one"
    if re.search(r"-\d+-[a-z][a-z0-9-]*$", release):
        return f"linux-modules-{release} has them"
    return "they are built by make modules, or in the package that has lib/modules/" + release
