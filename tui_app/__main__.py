"""Owns starting the program, as `aepx` and as `python -m tui_app`."""

from __future__ import annotations

import sys

from tui_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
