# SPDX-License-Identifier: MIT
"""pytest: declaring cases, running them on targets, recording what they say."""
