"""Writes the generated parts of README.md: `python -m tests.readme`; a test fails when they are not current."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from tui_app.tui.commands import key_table

README: Final = Path(__file__).resolve().parent.parent / "README.md"


def current(text: str) -> str:
    """Return README's text with its generated parts as they should be."""
    opening = "<!-- keys: made by `python -m tests.readme` -->"
    pattern = re.escape(opening) + r".*?<!-- /keys -->"
    return re.sub(pattern, lambda _: f"{opening}\n{key_table()}\n<!-- /keys -->", text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
