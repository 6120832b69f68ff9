# SPDX-License-Identifier: MIT
"""Compatibility data for authors of libraries: what each kernel build was seen to provide."""
