# SPDX-License-Identifier: MIT
"""One stored kernel: its folder and the record in it, written last, of what it was made from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from suite.errors import InfrastructureError
from suite.judge.records import KernelBuild
from vm.architecture import of_machine, of_scheme
from vm.catalogue import Build, Package
from vm.kernel import Kernel, sha256

LAYOUT = 1
"""Counted up when what a stored kernel consists of changes; older ones are then not used."""
_RECORD = "kernel.json"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a stored kernel is; a folder without one is not a kernel."""

    layout: int
    build: KernelBuild
    """Its name is what it was fetched for."""
    flavour: str
    whole: bool
    """Whether its modules and its configuration could be had."""
    packages: list[Package]
    config: str | None
    """Path inside the folder."""
    modules: str | None
    """Path inside the folder."""
    scheme: str = ""
    """Of its source; records from before there were others have none."""
    named: bool = False
    """Whether it was the own kernel of a release when it was fetched."""
    machine: str = ""
    """What it is for, if the scheme does not tell."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A kernel in the store."""

    record: Record
    folder: Path

    @property
    def build(self) -> Build:
        """What its source offered."""
        built = self.record.build
        return Build(
            built.release,
            built.version,
            self.record.flavour,
            built.source.partition(":")[2],
            tuple(self.record.packages),
            stored=True,
            whole=self.record.whole,
            scheme=self.record.scheme,
            named=self.record.named,
            machine=self.record.machine,
        )

    def kernel(self, name: str | None = None) -> Kernel:
        """Return it by the name that it was asked for, or by that of its fetch; not verified."""
        record = self.record
        return Kernel(
            msgspec.structs.replace(record.build, name=name or record.build.name),
            vmlinuz=self.folder / "vmlinuz",
            modules=self.folder / record.modules if record.modules else None,
            config=self.folder / record.config if record.config else None,
            arch=of_machine(record.machine) if record.machine else of_scheme(record.scheme),
        )

    def intact(self) -> bool:
        """Whether the vmlinuz is still the one that was stored and the modules are there."""
        kernel = self.kernel()
        return (
            kernel.vmlinuz.exists()
            and sha256(kernel.vmlinuz) == kernel.build.sha256
            and (kernel.modules is None or (kernel.modules / "modules.dep").exists())
        )

    def verified(self, name: str) -> Kernel:
        """Return it by the name that it was asked for.

        Raises:
            InfrastructureError: It is damaged; says how to mend it.
        """
        if not self.intact():
            raise InfrastructureError(
                f"{self.folder / 'vmlinuz'} is damaged (not the recorded SHA-256, or its modules"
                f" are gone); run: landproof kernels fetch {name}"
            )
        return self.kernel(name)


def folder_name(build: Build) -> str:
    """Return where a build is stored: its release, and a digest of what it is made from.

    What two sources have is kept twice: each finds its own by its record.
    """
    parts = [str(LAYOUT), *sorted(package.sha256 for package in build.packages)]
    made_from = "\n".join([*parts, build.scheme] if build.scheme else parts)
    return f"{build.release}.{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"


def read(folder: Path) -> Stored | None:
    """Return the kernel in a folder, or None if there is none of today's layout."""
    try:
        record = msgspec.json.decode((folder / _RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None
    return Stored(record, folder) if record.layout == LAYOUT else None


def write(folder: Path, build: Build, name: str, source: str) -> Record:
    """Write and return the record of a kernel that was just brought into a folder.

    Args:
        folder: Not yet in its place.
        build: What was brought.
        name: What it was asked for by.
        source: The name of its source.
    """
    modules = Path("lib/modules", build.release)
    record = Record(
        layout=LAYOUT,
        build=KernelBuild(
            name=name,
            release=build.release,
            version=build.version,
            source=f"{source}:{build.suite}",
            sha256=sha256(folder / "vmlinuz"),
        ),
        flavour=build.flavour,
        whole=build.whole,
        packages=list(build.packages),
        config="config" if (folder / "config").exists() else None,
        modules=str(modules) if (folder / modules).is_dir() else None,
        scheme=build.scheme,
        named=build.named,
        machine=build.machine,
    )
    (folder / _RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    return record
