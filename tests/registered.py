# SPDX-License-Identifier: MIT
"""Packages that register something with landproof: made up, and installed for a test alone."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, group: str, objects: Mapping[str, str], name: str = "made-up") -> None:
    """Put a distribution into a folder of ``sys.path``: its entry points, ``name = object``."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = [f"{point} = {what}" for point, what in objects.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))
