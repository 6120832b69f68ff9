# SPDX-License-Identifier: MIT
"""Which sources of kernels there are, and which of them a name belongs to."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

from suite.errors import InfrastructureError
from vm.apt import ARCHIVES
from vm.local import Host, OwnPath
from vm.mainline import Mainline
from vm.source import Options, Source

OURS: tuple[type[Source], ...] = (*ARCHIVES, Mainline, OwnPath, Host)
"""Not by entry points: those of a checkout are as old as its installation."""
GROUP = "landproof.kernels"
"""Entry points of other packages, each a class."""


class Sources:
    """All sources, made for what the user says.

    Raises:
        InfrastructureError: Names would belong to two sources, or one can't be loaded.
    """

    def __init__(self, options: Options) -> None:
        self._by_scheme: dict[str, Source] = {}
        for kind in _kinds():
            scheme = kind.scheme
            if not re.fullmatch(r"(?:[a-z][a-z0-9-]*[:/]?)?", scheme):
                raise InfrastructureError(
                    f"{_called(kind)}: {scheme!r} is no scheme of kernel names; it has to be a word"
                    " of small letters, with a colon or a slash if more follows"
                )
            other = self._by_scheme.setdefault(scheme, kind(options))
            if type(other) is not kind:
                names = f"{scheme}… as names of kernels" if scheme else "plain versions as names"
                raise InfrastructureError(
                    f"two sources of kernels have {names}: {_called(type(other))} and"
                    f" {_called(kind)}; uninstall one"
                )

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_scheme.values())

    def of(self, name: str) -> Source:
        """Return the source that a name belongs to; that of versions if no scheme fits."""
        return self._by_scheme.get(_scheme(name)) or self._by_scheme[""]

    def have(self, scheme: str) -> bool:
        """Whether a source has this scheme; a part of the source may stand behind it."""
        return _scheme(scheme) in self._by_scheme


def _kinds() -> Iterator[type[Source]]:
    yield from OURS
    for point in entry_points(group=GROUP):
        where = f"the source of kernels {point.name} ({point.value})"
        try:
            kind: Any = point.load()
        except (ImportError, AttributeError) as error:
            raise InfrastructureError(
                f"{where} can't be loaded: {error}; mend or uninstall it"
            ) from error
        if not (isinstance(kind, type) and issubclass(kind, Source)):
            raise InfrastructureError(f"{where} is no class of vm.source.Source; uninstall it")
        yield kind


def _scheme(name: str) -> str:
    """What could be the scheme in a name."""
    begins = re.match(r"[^:/]*[:/]?", name)
    return begins[0] if begins else ""


def _called(kind: type[Source]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
