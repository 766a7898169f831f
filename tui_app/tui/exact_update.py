"""Owns writing a partial repaint in as few bytes as it takes, and not forgetting what one must cover.

The framework (8.2) writes each line of a partial repaint from where its widget begins, and each piece of text with its
colours before and a reset behind it. In a table of running jobs a few characters a line tick, in two or three styles:
what is written here is those characters, all of one style together, which is a fifth of it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from textual._compositor import CompositorMap
    from textual.strip import Strip

_RESET = "\x1b[0m"


class ExactUpdate(ChopsUpdate):
    """A partial repaint that writes the cells of its spans and no others, one style after the other."""

    @classmethod
    def of(cls, update: ChopsUpdate) -> ExactUpdate:
        """Return the same repaint, exact."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """Return what the terminal is sent."""
        system = console._color_system  # noqa: SLF001 - as the framework's own strips ask for it
        written: dict[str, list[str]] = defaultdict(list)
        ends: dict[str, tuple[int, int]] = {}
        for y, x, strip in self._cropped():
            for segment in strip:
                style = segment.style
                if segment.control or (style is not None and style.link):
                    return super().render_segments(console)  # rare, and not only a matter of style
                codes = style._make_ansi_codes(system) if style is not None and system is not None else ""  # noqa: SLF001 - as above
                if ends.get(codes) != (y, x):
                    written[codes].append(Control.move_to(x, y).segment.text)
                written[codes].append(segment.text)
                x += segment.cell_length  # noqa: PLW2901 - it is where the next one begins
                ends[codes] = (y, x)
        return "".join(
            f"\x1b[{codes}m{''.join(texts)}{_RESET}" if codes else "".join(texts) for codes, texts in written.items()
        )

    def _cropped(self) -> Iterator[tuple[int, int, Strip]]:
        """Yield the strips that lie in the spans: line, first cell, and what is to stand there."""
        for y, first, behind in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                begin, stop = max(x, first), min(end, behind)
                if strip is not None and begin < stop:
                    yield y, begin, strip.crop(begin - x, stop - x)


class ExactCompositor(Compositor):
    """Repaints where a widget was that has gone.

    The framework (8.2) compares the places of widgets before and after a change of layout. Whoever asks for a place in
    between has it worked out anew, and the comparison then misses what went: a message that had expired stayed.
    """

    @property
    def full_map(self) -> CompositorMap:
        """The places of all widgets, as the framework has them."""
        old = self._full_map
        found = super().full_map
        if found is not old:
            gone = (old[widget] for widget in old.keys() - found.keys())
            self._dirty_regions.update(filter(None, (one.clip.intersection(one.region) for one in gone)))
        return found
