# SPDX-License-Identifier: MIT
"""Development tasks. They run in the environment that nox itself is installed in.

::

    pip install -e '.[dev]'
    nox              # the tests
    nox -s lint types cases
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "none"

FEW = "6.1,6.12,7.3"
"""The least: the lowest ABI version at hand, a long-term release, the newest."""
GOOD_ENDS = [0, 1]
"""Of a run that is looked at record by record: a known bug of a kernel ends with 1."""


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.run(sys.executable, "-m", "ruff", "check", ".")
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.run(sys.executable, "-m", "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Test landproof itself; the ones that boot kernels fetch them first."""
    session.run(sys.executable, "-m", "suite.cli.main", "kernels", "fetch", *FEW.split(","))
    # A file of tests for each processor, and one more: most tests wait for something.
    workers = f"-n{(os.cpu_count() or 1) + 1}"
    # In the order of tests/conftest.py, the dearest first.
    by_files = ("--dist=loadfile", "--no-loadscope-reorder")
    session.run(sys.executable, "-m", "pytest", workers, *by_files, *session.posargs)


@nox.session
def cases(session: nox.Session) -> None:
    """Run every case here and on a few kernels; only known bugs may deviate."""
    _run_cases(session, "check", "--full")
    _run_cases(session, "matrix", "--full", "--kernels", *(session.posargs or [FEW]))


@nox.session
def model(session: nox.Session) -> None:
    """Run every case on models: of each ABI version, with each set of errata, or those named."""
    session.run(sys.executable, "-m", "tests.model_sweep", *session.posargs)


@nox.session
def matrix(session: nox.Session) -> None:
    """Show each behaviour on the default set of kernels; only known bugs may deviate."""
    _run_cases(session, "matrix", *session.posargs)


@nox.session
def confinements(session: nox.Session) -> None:
    """Run every case under every confinement, here and in guests; none may blame a kernel."""
    targets = session.posargs or ["local", *(f"vm:{name}" for name in FEW.split(","))]
    session.run(sys.executable, "-m", "tests.confined_runs", "--full", *targets)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the model's rules in every small way, and have the cases find each change."""
    session.run(sys.executable, "-m", "tests.mutation", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed, each figure over what it is compared with; not on a busy machine."""
    session.run(sys.executable, "-m", "suite.cli.bench", *session.posargs)


@nox.session
def cost(session: nox.Session) -> None:
    """Say what a patch costs: ``-- before TREE``, patch and build, then ``-- after TREE``."""
    match session.posargs:
        case ["before" | "after" as when, tree, *more]:
            folder = Path("build", "cost")
            folder.mkdir(parents=True, exist_ok=True)
            kept = {name: str(folder / f"{name}.json") for name in ("before", "after")}
            measure = ("cost", "--kernels", f"mine={tree}", "--results", kept[when], *more)
            session.run(sys.executable, "-m", "suite.cli.main", *measure)
            if when == "after":
                session.run(sys.executable, "-m", "suite.cli.main", "diff", *kept.values())
        case _:
            session.error("name a build tree: nox -s cost -- before TREE, then -- after TREE")


@nox.session
def docs(session: nox.Session) -> None:
    """Make the site of the pages in build/site; a link that leads nowhere is an error."""
    strict = ("--fail-on-warning", "--keep-going", "--nitpicky", "--quiet")
    where = ("--builder", "html", "--conf-dir", "docs", ".", "build/site")
    session.run(sys.executable, "-m", "sphinx", *strict, *where, *session.posargs)


@nox.session
def manual(session: nox.Session) -> None:
    """Write the manual page anew, from the parser."""
    session.run(sys.executable, "-m", "tests.manual")


@nox.session
def wheel(session: nox.Session) -> None:
    """Make the files of a release: the sources, and from them a wheel with all agents."""
    # Compiled by what every release is compiled by.
    environment = {"LANDPROOF_ARCHES": "all", "LANDPROOF_CC": ""}
    session.run(sys.executable, "-m", "build", "--no-isolation", *session.posargs, env=environment)


@nox.session
def compat(session: nox.Session) -> None:
    """Measure the default kernels, or those named, and make the compatibility data of it."""
    from suite.landlock.abi import ABIS  # noqa: PLC0415 (nox -l needs none of this)

    with tempfile.TemporaryDirectory() as folder:
        results = str(Path(folder) / "results.json")
        command = ("suite.cli.main", "matrix", *session.posargs, "--results", results)
        session.run(sys.executable, "-m", *command, success_codes=GOOD_ENDS)
        models = str(Path(folder) / "models.json")
        names = (word for abi in ABIS for word in ("--target", f"model:{abi}"))
        command = ("suite.cli.main", "check", *names, "--results", models)
        session.run(sys.executable, "-m", *command, success_codes=GOOD_ENDS)
        session.run(sys.executable, "-m", "reports.compat.publish", results, models)


@nox.session(name="compat-packages")
def compat_packages(session: nox.Session) -> None:
    """Make the packages of the compatibility data, for PyPI and, with npm, for npm."""
    made = Path(*session.posargs[:1] or ["dist"]).absolute()
    made.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        trees = Path(folder) / "trees"
        session.run(sys.executable, "-m", "reports.compat.packages", str(trees))
        pypi = ("--no-isolation", "--outdir", str(made), str(trees / "pypi"))
        session.run(sys.executable, "-m", "build", *pypi)
        if shutil.which("npm") is None:
            session.warn("npm is missing, and so is the package for it (Debian: apt install npm)")
            return
        with session.chdir(trees / "npm"):
            session.run("npm", "pack", "--silent", "--pack-destination", str(made), external=True)


def _run_cases(session: nox.Session, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "suite.cli.main", *arguments, "--results", str(results)]
        session.run(*command, success_codes=GOOD_ENDS)
        unexplained = _unexplained(results)
    if unexplained:
        session.error("not as expected, and no known bug:\n" + "\n".join(unexplained))


def _unexplained(path: Path) -> list[str]:
    from reports.results import load  # noqa: PLC0415 (nox -l needs none of this)

    return [
        f"{target.name} {case.id}: {case.verdict} {case.reason}"
        for target in load(path).targets
        for case in target.cases
        if case.verdict.bad and not case.known_bug
    ]
