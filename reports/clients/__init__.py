# SPDX-License-Identifier: MIT
"""What other people's enforcers made of the cases: a column a client, a row a right and kernel."""
