# SPDX-License-Identifier: MIT
"""The modules of a kernel's build tree, where the build has left them: no install step is needed.

``modules.order`` lists what was built; what else lies in the tree may be of an earlier build.

Source: Documentation/kbuild/kbuild.rst, "modules.order"; scripts/Makefile.modinst, which writes the
lists as modules_install does.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath


def is_tree(folder: Path) -> bool:
    """Whether a folder is one in which kernels with modules are built, and not ``lib/modules``."""
    return (folder / "arch").is_dir() and (folder / "modules.order").is_file()


def modules(tree: Path) -> dict[PurePosixPath, Path]:
    """Return the modules that are built, by their names below ``lib/modules/RELEASE``."""
    found: dict[PurePosixPath, Path] = {}
    for name in _listed(tree / "modules.order"):
        path = tree / name
        if path.is_file():
            found[PurePosixPath("kernel", name)] = path
    return found


def write_lists(tree: Path, target: Path) -> None:
    """Write the lists that depmod reads: of the order of modules, and of what is built in.

    Args:
        tree: Of the build.
        target: ``lib/modules/RELEASE``.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in ("modules.order", "modules.builtin"):
        lines = [f"kernel/{it}\n" for it in _listed(tree / name)]
        (target / name).write_text("".join(lines), encoding="utf-8")
    info = tree / "modules.builtin.modinfo"
    if info.is_file():
        (target / info.name).write_bytes(info.read_bytes())


def _listed(path: Path) -> list[PurePosixPath]:
    """The modules of a list, as paths in the tree."""
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    # Until 5.2 the names are those after the installation; from 6.2 on, those of objects.
    old = [line.removeprefix("kernel/") for line in lines]
    lines = old if all(line.startswith("kernel/") for line in lines) else lines
    paths = (PurePosixPath(line).with_suffix(".ko") for line in lines if line.strip())
    return [path for path in paths if not path.is_absolute() and ".." not in path.parts]
