# SPDX-License-Identifier: MIT
"""Landlock itself: rights, scopes, flags and errata; known bugs; rulesets."""
