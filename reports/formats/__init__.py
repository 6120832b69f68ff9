# SPDX-License-Identifier: MIT
"""One module a format; see ``reports.render``."""
