# SPDX-License-Identifier: MIT
"""What an exploration came to: ``build.py`` arranges it, ``text.py`` puts it into words."""
