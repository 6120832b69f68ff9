# SPDX-License-Identifier: MIT
"""Proof that the cases can fail: the rules of ``suite/model``, changed in hundreds of ways.

``python -m tests.mutation`` (``nox -s mutants``) makes the changes, and has the cases find each.

None of the known mutation testers would do. mutmut forks for each mutant, but pytest then collects
the cases anew, which takes longer than most mutants live; cosmic-ray starts a process for each. And
all of them ask for an exit code, where a verdict is to be told from another one.
"""
