# SPDX-License-Identifier: MIT
"""The packages of the compatibility data, as trees to build from: ``packages.py FOLDER``.

``compat/npm`` and ``compat/pypi`` of the checkout hold what is written by hand. Data, schema,
types, licence and version come from where they stand once.
"""

import json
import shutil
import sys
from pathlib import Path

from reports.compat.document import SCHEMA_FILE
from reports.compat.publish import FILE, LICENSE, PUBLISHED
from reports.compat.typings import python, typescript
from reports.schema import COMPAT

ROOT = Path(__file__).parents[2]


def assemble(folder: Path) -> tuple[Path, Path]:
    """Make the trees of both packages, for npm and for PyPI, in a folder that is not there yet."""
    schema = json.loads(COMPAT.path.read_bytes())
    npm, pypi = (folder / it for it in ("npm", "pypi"))
    for tree, package in ((npm, npm), (pypi, pypi / "landlock_compat")):
        shutil.copytree(
            ROOT / "compat" / tree.name, tree, ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(FILE, package / "data.json")
        shutil.copy(COMPAT.path, package / SCHEMA_FILE)
        shutil.copy(ROOT / "LICENSES" / f"{LICENSE}.txt", tree / "LICENSE")
    (npm / "types.d.ts").write_text(typescript(schema), encoding="utf-8")
    (pypi / "landlock_compat" / "types.py").write_text(python(schema), encoding="utf-8")
    manifest = npm / "package.json"
    described = json.loads(manifest.read_bytes()) | {"version": PUBLISHED}
    manifest.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return npm, pypi


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
