# SPDX-License-Identifier: MIT
"""Packages of the user's that are one kernel together: ``image.deb+modules.deb``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from suite.errors import UsageError
from vm import package
from vm.architecture import Architecture
from vm.channel import refuse_without
from vm.identity import Identity, identify

_IMAGE = re.compile(
    r"boot/(?:vmlinu[xz]|bzImage|Image)[^/]*|lib/modules/[^/]+/(?:vmlinu[xz]|bzImage|Image)"
)
_MODULE = re.compile(r"lib/modules/[^/]+/.+\.ko(?:\.(?:xz|gz|zst))?")
_CONFIG = re.compile(r"lib/modules/[^/]+/config|boot/config-[^/]+")
_OTHERS = (".hmac", ".sig", ".p7s", ".sha256")
"""What lies beside an image and is called after it."""
_CONFIG_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """What packages hold together."""

    release: str
    image: PurePosixPath
    """Of the kernel, in its package."""
    has_modules: bool
    arch: Architecture


def parts(text: str) -> list[Path]:
    """Return the files that ``A+B`` names, or the one path that has the ``+`` in its own name.

    Raises:
        UsageError: One of several does not exist.
    """
    whole = _path(text)
    if "+" not in text or whole.exists():
        return [whole]
    words = text.split("+")
    if found := _joined(words, 0):
        return found
    if not any(_path("+".join(words[:end])).is_file() for end in range(1, len(words))):
        return [whole]
    end = max(end for end in range(1, len(words)) if _path("+".join(words[:end])).is_file())
    missing = "+".join(words[end:])
    raise UsageError(f"{missing or 'what follows the last +'} does not exist; give files, as A+B")


def are_packages(paths: Sequence[Path]) -> bool:
    """Whether paths are those of packages, and not of a kernel that is used where it is.

    Raises:
        UsageError: Several are given, and one is no package; or one is nothing of a kernel's.
    """
    kinds = [path.is_file() and package.kind_of(path) for path in paths]
    if len(paths) > 1 and not all(kinds):
        (other, *_) = (path for path, kind in zip(paths, kinds, strict=True) if not kind)
        raise UsageError(f"{other} is no package; only packages are joined by +")
    return all(kinds)


def look_into(paths: Sequence[Path]) -> Bundle:
    """Find the kernel in packages.

    Raises:
        InfrastructureError: One is broken, or its tool is missing.
        UsageError: There is no kernel, or more than one, or what it needs to be tried is lacking.
    """
    images: dict[str, tuple[PurePosixPath, Identity]] = {}
    modules: set[str] = set()
    configs: dict[str, str] = {}
    wrong: list[UsageError] = []
    for it in paths:
        with package.opened(it) as members:
            for name, size, content in members:
                path = name.relative_to("usr") if name.is_relative_to("usr") else name
                if _IMAGE.fullmatch(str(path)) and path.suffix not in _OTHERS:
                    try:
                        found = identify(content, f"{path.name} of {it.name}")
                    except UsageError as error:
                        wrong.append(error)
                    else:
                        images.setdefault(found.release, (name, found))
                elif _MODULE.fullmatch(str(path)):
                    modules.add(path.parts[2])
                elif _CONFIG.fullmatch(str(path)):
                    read = content.read(min(size, _CONFIG_LIMIT))
                    configs[_release_of(path)] = read.decode(errors="replace")
    return _chosen(", ".join(it.name for it in paths), images, modules, configs, wrong)


def _chosen(
    names: str,
    images: dict[str, tuple[PurePosixPath, Identity]],
    modules: set[str],
    configs: dict[str, str],
    wrong: list[UsageError],
) -> Bundle:
    if not images:
        if wrong:
            raise wrong[0]
        held = f"only modules of {', '.join(sorted(modules))}" if modules else "no kernel"
        raise UsageError(
            f"{names}: {held}; name the package with the image (vmlinuz) and join others with +"
        )
    if len(images) > 1:
        raise UsageError(f"{names}: kernels of {len(images)} releases ({', '.join(images)}); name"
                         " the packages of one")  # fmt: skip
    ((release, (image, found)),) = images.items()
    if modules and release not in modules:
        raise UsageError(
            f"{names}: the modules are of {', '.join(sorted(modules))} and the kernel is {release};"
            " join packages of one build"
        )
    if not modules:
        refuse_without(release, configs.get(release), "join it with +", found.arch)
    return Bundle(release, image, bool(modules), found.arch)


def _release_of(config: PurePosixPath) -> str:
    """Which kernel's Kconfig it is, as its path says."""
    return config.parent.name if config.name == "config" else config.name.removeprefix("config-")


def _joined(words: Sequence[str], start: int) -> list[Path]:
    """The files whose names, joined by +, are the words from one on; none if they are not such."""
    for end in range(len(words), start, -1):
        path = _path("+".join(words[start:end]))
        if path.is_file():
            if end == len(words):
                return [path]
            if rest := _joined(words, end):
                return [path, *rest]
    return []


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()
