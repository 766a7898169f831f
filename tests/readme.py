"""Writes the generated parts of README.md: `python -m tests.readme`; a test fails when they are not current."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.emulator.contract.differences import table as difference_table
from tui_app.models.filter import cheat_sheet
from tui_app.tui.commands import key_table

README: Final = Path(__file__).resolve().parent.parent / "README.md"


def filter_table() -> str:
    """Return the filter language as a Markdown table."""
    rows = ((f"`{example}`", meaning) for example, meaning in cheat_sheet())
    lines = (("Filter", "Finds"), ("---", "---"), *rows)
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def current(text: str) -> str:
    """Return README's text with its generated parts as they should be."""
    parts = (("keys", key_table()), ("filters", filter_table()), ("differences", difference_table()))
    for name, made in parts:
        opening, closing = f"<!-- {name}: made by `python -m tests.readme` -->", f"<!-- /{name} -->"
        assert opening in text, f"README has no place for {name}"
        before, _, rest = text.partition(opening)
        text = f"{before}{opening}\n{made}\n{closing}{rest.partition(closing)[2]}"
    return text


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
