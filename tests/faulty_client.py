# SPDX-License-Identifier: MIT
"""A client that does what its first word says, and then as the example client does."""

import os
import runpy
import signal
import sys
from pathlib import Path

MINIMAL = Path(__file__).resolve().with_name("minimal.py")
"""The example client, which who tests puts beside this file."""
fault, *words = sys.argv[1:]
match fault:
    case "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    case "ends":
        sys.exit(3)
    case "cannot":
        sys.exit(125)
    case "refuses":
        print("this kernel is too old", file=sys.stderr)
        sys.exit(1)
    case "forgets":  # restricts nothing, and does not say so
        words = words[words.index("--") :]
    case "tells":
        print("not supported here: going on without", file=sys.stderr)
        words = words[words.index("--") :]
    case "more":  # allows more than it is asked to
        at = words.index("--")
        rights = [word for word in words[:at] if word.startswith("fs.") and ":" not in word]
        words[at:at] = ["--allow", f"{','.join(rights)}:/"]
sys.argv[1:] = words
runpy.run_path(str(MINIMAL), run_name="__main__")
