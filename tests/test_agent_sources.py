# SPDX-License-Identifier: MIT
"""The agent's C files: each offers what its header declares, and knows only those below it.

They are read by patterns that suit how these files are written, not all of C.
"""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from suite.agent import build

WITHOUT_HEADER = "main"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
INCLUDED = re.compile(r'^\s*#\s*include\s+"(\w+)\.h"', re.MULTILINE)
FUNCTION = re.compile(r"^(?!static\b)\w[\w \t*]*?\b(\w+)\([^;{}]*\)\s*([;{])", re.MULTILINE)
VARIABLE = re.compile(r"^(?!static\b|typedef\b)(\w[^;(){}=]*(?:=[^;]*)?);", re.MULTILINE)
INITIAL = re.compile(r"=\s*(?:\{[^}]*\}|[^,;]*)")
INCOMPLETE = re.compile(r"(?:struct|union|enum)\s+\w+")
LITERAL = re.compile(r"""(["'])(?:\\.|(?!\1).)*\1""")
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
LIST = re.compile(r"([=,({]\s*|\)|\benum(?: \w+)? )\{[^{};]*\}")
"""An initializer, a compound literal, the members of an enumeration: no block."""
GROUP = re.compile(r"\(([^()]*)\)|\[[^\[\]]*\]")
CALLED = re.compile(r"(?<!\breturn)(?<!\bcase)(?<=[\w)\]])\s*\Z")
LABELS = re.compile(r"^(?:\s|\w+\s*:|case\b[^:]*:|\b(?:if|while|for|switch|else|do)\b)*")
DECLARATION = re.compile(r"(?!return\b)\w[\w\s]*(?:\s|\*)\**\s*\w+\s*(?:=|,|\Z)")


def without_comments(file: Path) -> str:
    return COMMENT.sub("", file.read_text(encoding="utf-8"))


def sources(folder: Path, suffix: str) -> dict[str, str]:
    """The text of a folder's files with this suffix, by name without it."""
    return {file.stem: without_comments(file) for file in sorted(folder.glob(f"*{suffix}"))}


def knows(folder: Path) -> dict[str, set[str]]:
    """Which other files a ``.c`` and its header include, by name without suffix."""
    graph: dict[str, set[str]] = {}
    for suffix in (".c", ".h"):
        for name, text in sources(folder, suffix).items():
            graph.setdefault(name, set()).update(set(INCLUDED.findall(text)) - {name})
    return graph


def names(text: str, *, elsewhere: bool) -> set[str]:
    """The functions and variables that a text declares as of elsewhere, or offers to others."""
    found = {name for name, end in FUNCTION.findall(text) if (end == ";") == elsewhere}
    for declaration in VARIABLE.findall(text):
        if declaration.startswith("extern ") == elsewhere and not INCOMPLETE.fullmatch(declaration):
            declarators = INITIAL.sub("", declaration).split(",")
            found |= {re.findall(r"\w+", it.partition("[")[0])[-1] for it in declarators}
    return found


def faults(folder: Path) -> list[str]:
    """What of a folder's files is not as it should be."""
    code, headers = sources(folder, ".c"), sources(folder, ".h")
    found = []
    try:
        TopologicalSorter(knows(folder)).prepare()
    except CycleError as error:
        found.append(f"a circle: {' -> '.join(error.args[1])}")
    for name, text in code.items():
        if name != WITHOUT_HEADER and name not in headers:
            found.append(f"{name}.c has no header")
        found += [f"{name}.c declares {it}" for it in sorted(names(text, elsewhere=True))]
        offered = names(headers.get(name, ""), elsewhere=True)
        mine = names(text, elsewhere=False) - {"main"}
        found += [f"{name}.h does not declare {it}" for it in sorted(mine - offered)]
    for name, text in headers.items():
        missing = names(text, elsewhere=True) - names(code.get(name, ""), elsewhere=False)
        found += [f"{name}.c does not define {it}" for it in sorted(missing)]
        found += [f"{name}.h defines {it}" for it in sorted(names(text, elsewhere=False))]
    return found


def comma_operators(text: str) -> list[str]:
    """Where a comma stands for a semicolon; in the third part of a ``for`` it may."""
    text = DIRECTIVE.sub("", LITERAL.sub("0", text))
    found = []
    while group := LIST.search(text) or GROUP.search(text):
        before, inside, after = text[: group.start()], group[1] or "", text[group.end() :]
        if group.re is LIST:
            before += inside
        elif "," in inside and ";" not in inside and not CALLED.search(before):
            found.append(group[0])
        text = before + after
    for statement in re.split(r"[;{}]", text):
        bare = " ".join(LABELS.sub("", statement).split())
        if "," in bare and not DECLARATION.match(bare):
            found.append(bare)
    return found


def test_what_a_header_declares_is_in_its_file_and_no_file_knows_one_above() -> None:
    assert faults(build.HERE) == []


def test_the_sources_are_listed_from_the_top_to_the_bottom() -> None:
    order = [Path(name).stem for name in build.SOURCES]
    for name, others in knows(build.HERE).items():
        if name in order:
            below = set(order[order.index(name) + 1 :])
            assert others & set(order) <= below, name


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("low.h", '#include "high.h"\n', "a circle: high -> low -> high"),
        ("low.c", '#include "low.h"\n#include "high.h"\n', "a circle: high -> low -> high"),
        ("new.c", "static int x;\n", "new.c has no header"),
        ("low.h", "int a(int, char *);\nvoid b(\n\tvoid);\n", "low.c does not define b"),
        ("low.h", "int a(int, char *);\nextern struct x *y;\n", "low.c does not define y"),
        ("low.h", "\n", "low.h does not declare a"),
        ("low.h", "int a(int, char *);\nint y = 3;\n", "low.h defines y"),
        ("low.c", "int y[2] = { 1, 2 }, z;\n", "low.h does not declare z"),
        ("high.c", "void b(void)\n{\n}\nint a(int, char *);\n", "high.c declares a"),
        ("high.c", "extern int y;\nvoid b(void)\n{\n}\n", "high.c declares y"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, file: str, text: str, fault: str) -> None:
    (tmp_path / "low.h").write_text("int a(int, char *);\n")
    (tmp_path / "low.c").write_text(
        '#include "low.h"\n\nint a(int b, char *c)\n{\n\treturn b;\n}\n'
    )
    (tmp_path / "high.h").write_text('#include "low.h"\n\nvoid b(void);\n')
    (tmp_path / "high.c").write_text('#include "high.h"\n\nvoid b(void)\n{\n\ta(1, 0);\n}\n')
    assert faults(tmp_path) == []
    (tmp_path / file).write_text(text)
    assert fault in faults(tmp_path)


def test_no_comma_stands_for_a_semicolon() -> None:
    for suffix in (".c", ".h"):
        for name, text in sources(build.HERE, suffix).items():
            assert comma_operators(text) == [], f"{name}{suffix}"


@pytest.mark.parametrize(
    "code",
    [
        "x->a = 1, x->b = 2;",
        "if (a)\n\t*a = b(1, 2), c++;",
        "return *a = 1, 0;",
        "return (*a = 1, 0);",
        "while (a && (b(c), c))\n\t;",
        "SYS(close, a), let_go(b);",
        "case A:\n\ta = 1, b = 2;",
        "*a = (struct b){ 1, 2 }, c();",
    ],
)
def test_a_comma_operator_is_found(code: str) -> None:
    assert len(comma_operators(f"void f(int a, int b)\n{{\n\t{code}\n}}\n")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "int a = 1, *b = &c;",
        "struct a a = { .b = 1, .c = { 2, 3 } }, *d = &a;",
        "uint64_t a[2] = { b(1, 2), 3 }, c;",
        "enum { A, B = 2 };",
        "for (int i = 0, j = 1; i < j; i++, j++)\n\tf(i, j);",
        "*a = (struct b){ 1, c(2, 3) };",
        "g(&(struct a){ 1, 2 }, (int[]){ 1, 2 });",
        "case 'a': return h(a, \",;\");",
        "void (*run)(int a, int b) = (void *)a;",
    ],
)
def test_other_commas_are_none(code: str) -> None:
    assert comma_operators(f"void f(int a, int b)\n{{\n\t{code}\n}}\n") == []
