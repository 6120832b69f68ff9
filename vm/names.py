# SPDX-License-Identifier: MIT
"""What a run calls its kernels: ``[LABEL=]NAME`` as the user writes it.

A kernel is called by its label, else by its name; but if that is a path, by what the path says
(`suite.judge.labels`).
"""

from collections.abc import Iterable
from pathlib import Path

from suite.errors import UsageError
from suite.judge import labels
from vm.bundle import parts
from vm.installed import NAME, installed
from vm.store import Store


def called(texts: Iterable[str], store: Store) -> dict[str, str]:
    """Return the names of kernels by what they are called, in order, each once.

    Args:
        texts: ``6.12``, ``old=6.12.43``, ``path:FOLDER``, ``mine=./bzImage``: where there is a
            slash and no scheme before it, or where it is there and no name of a kernel, it is a
            path. ``installed`` is all kernels of this machine.
        store: Says what is the name of a kernel already.

    Raises:
        InfrastructureError: An installed kernel can't be read.
        UsageError: A label is none, is given twice, or is the name of a kernel.
    """
    wishes = list(dict.fromkeys(it for text in texts for it in _meant(*_split(text), store)))
    given = [label or name for label, name in wishes if label or not _is_path(name)]
    made = {name: _absolute(name) for label, name in wishes if not label and _is_path(name)}
    short = labels.of_paths(made.values(), taken=given)
    found: dict[str, str] = {}
    for label, name in wishes:
        if label:
            _check(label, store)
        own = label or (short[made[name]] if name in made else name)
        other = found.setdefault(own, name)
        if other != name and (label or name not in made):
            raise UsageError(
                f"two kernels are called {own}: {other} and {name}; label one otherwise"
            )
    return found


def _split(text: str) -> tuple[str, str]:
    """The label, or nothing, and the name."""
    label, equals, name = text.partition("=")
    if not equals or ":" in label or "/" in label:
        label, name = "", text
    elif not labels.LABEL.fullmatch(label):
        raise UsageError(
            f"{text!r}: {label!r} is no label of a kernel; write letters, digits and . _ + - before"
            " the ="
        )
    elif not name:
        raise UsageError(f"{text!r} names no kernel; write one behind the =, such as {label}=6.12")
    scheme, slash, _ = name.partition("/")
    bare = name in (".", "..") or (slash and ":" not in scheme)
    return label, f"{labels.PATH}{name}" if bare else name


def _meant(label: str, name: str, store: Store) -> list[tuple[str, str]]:
    """The labels and names of the kernels that are meant."""
    if name == NAME:
        paths = [f"{labels.PATH}{path}" for path in installed()]
        if label and len(paths) > 1:
            raise UsageError(
                f"{NAME} means {len(paths)} kernels here, and {label} can call one; leave it out"
            )
        return [(label, path) for path in paths]
    if ":" not in name and not _is_known(name, store) and all(it.exists() for it in parts(name)):
        return [(label, f"{labels.PATH}{name}")]
    return [(label, name)]


def _check(label: str, store: Store) -> None:
    """Refuse a label that would pass one kernel off as another."""
    if not _is_known(label, store) and label != NAME:
        return
    raise UsageError(
        f"{label!r} is itself the name of a kernel; label it otherwise, such as my-{label}"
    )


def _is_known(name: str, store: Store) -> bool:
    """Whether it is the name of a kernel, whatever files there are."""
    try:
        store.check(name)
    except UsageError:
        return False
    return True


def _is_path(name: str) -> bool:
    return name.startswith(labels.PATH)


def _absolute(name: str) -> str:
    path = Path(name.removeprefix(labels.PATH)).expanduser().absolute()
    return f"{labels.PATH}{path}"
