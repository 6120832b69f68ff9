# SPDX-License-Identifier: MIT
"""The kernels that are installed on this machine, wherever its distribution puts them."""

from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from vm.catalogue import version_key
from vm.identity import identify

NAME = "installed"
"""What stands for all of them."""
_PLACES = ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz")


def installed(root: Path = Path("/")) -> list[Path]:
    """Return their images, one a release, oldest first.

    Args:
        root: Where ``boot`` and ``usr/lib/modules`` are.

    Raises:
        InfrastructureError: An image can't be read.
        UsageError: There is none.
    """
    found: dict[str, Path] = {}
    for path in (path for place in _PLACES for path in sorted(root.glob(place))):
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                release = identify(file, path).release
        except OSError as error:
            raise InfrastructureError(
                f"can't read the installed kernel {path}: {error.strerror}; run as root, or name a"
                " copy that you can read"
            ) from error
        # A rescue image and the file that a package was installed from are the same once more.
        found.setdefault(release, path)
    if not found:
        places = ", ".join(str(root / place) for place in _PLACES)
        raise UsageError(f"no kernel is installed here ({places}); choose a version such as 6.12")
    return [found[release] for release in sorted(found, key=version_key)]
