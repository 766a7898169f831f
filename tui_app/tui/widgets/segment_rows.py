"""Owns the segments of a form: rows of id, namespace and qualification statuses that come and go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.containers import VerticalGroup
from textual.message import Message

from tui_app.models.export_job import Segment
from tui_app.models.export_request import DEFAULT_STATUSES
from tui_app.models.failure import Finding
from tui_app.models.request_check import STATUSES
from tui_app.tui.widgets.form import FieldRow, Flags, TextField, pasted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget
    from textual.widgets import Input

_SEPARATORS: Final = re.compile(r"[\s,;]+")
_ID_HINT: Final = "ctrl-l picks, ctrl-g adds, ctrl-r removes; or paste ids."
_STATUS_HINT: Final = "left and right go, space ticks. realized: is in it now; exited: has left it."


def split_ids(text: str) -> tuple[str, ...]:
    """Return the ids in a text that separates them by commas, semicolons, blanks or lines, each once."""
    return tuple(dict.fromkeys(found for part in _SEPARATORS.split(text) if (found := pasted(part))))


class SegmentIdField(TextField):
    """Takes one id; several at once become rows of their own."""

    class Several(Message):
        """Several ids were given to one field."""

        def __init__(self, field: SegmentIdField, ids: tuple[str, ...]) -> None:
            super().__init__()
            self.field = field
            self.ids = ids

    def take(self, text: str) -> None:
        """Insert one id, or ask for rows for several."""
        ids = split_ids(text)
        if len(ids) > 1:
            self.post_message(self.Several(self, ids))
        else:
            super().take(text.strip())

    def on_blur(self) -> None:
        """Make rows of ids that were typed one after another, as a paste is where the terminal does not mark it."""
        ids = split_ids(self.value)
        if len(ids) > 1:
            self.value = ""
            self.post_message(self.Several(self, ids))


class SegmentRow(VerticalGroup):
    """One segment: id and namespace on a line, statuses on the next."""

    DEFAULT_CSS = """
    SegmentRow .segment-ns { width: 11; margin-left: 1; }
    """

    def __init__(self, segment: Segment) -> None:
        super().__init__()
        self._given = segment
        self.id_field = SegmentIdField(segment.segment_id, placeholder="segment id")
        self.ns_field = TextField(segment.segment_ns, placeholder="ups")
        self.ns_field.add_class("segment-ns")
        statuses = segment.status or DEFAULT_STATUSES
        # A status that we do not know stays visible, so that it can be taken out.
        self.flags = Flags(tuple(dict.fromkeys((*STATUSES, *segment.status))), statuses)
        self.id_row = FieldRow("Segment", self.id_field, self.ns_field, path="", hint=_ID_HINT)
        self.status_row = FieldRow("  statuses", self.flags, path="", hint=_STATUS_HINT)

    def compose(self) -> ComposeResult:
        """Lay out both lines."""
        yield self.id_row
        yield self.status_row

    @property
    def is_blank(self) -> bool:
        """Whether nothing was written into it; such a row is not sent."""
        return self.id_field.text is None and self.ns_field.text is None

    @property
    def segment(self) -> Segment:
        """What it says; statuses that were left alone stay unsaid, the request then sends the usual ones."""
        statuses = self.flags.value
        untouched = not self._given.status and statuses == DEFAULT_STATUSES
        return Segment(self.id_field.text or "", self.ns_field.text, () if untouched else statuses)

    @property
    def meant(self) -> Segment:
        """What it says without the statuses that only the form ticked: nobody is to answer for those."""
        said = self.segment
        if self._given.status:
            return said
        unmeant = set(DEFAULT_STATUSES) - self.flags.by_hand
        return said._replace(status=tuple(status for status in self.flags.value if status not in unmeant))

    def number(self, place: int | None) -> None:
        """Tell it its place among the segments that are sent, None for a blank row."""
        if place is None:
            self.id_row.rename("Segment", "")
            self.status_row.rename("  statuses", "")
            return
        path = f"filter.segments[{place}]"
        self.id_row.rename(f"Segment {place + 1}", path, f"{path}.segmentId", f"{path}.segmentNs")
        self.status_row.rename("  statuses", f"{path}.status")


class SegmentRows(VerticalGroup):
    """All segments of a request; there is always at least one row to write in."""

    class Changed(Message):
        """Rows came or went."""

    def __init__(self, segments: Sequence[Segment], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows = [SegmentRow(one) for one in segments or (Segment(""),)]
        self.renumber()

    def compose(self) -> ComposeResult:
        """Lay out the rows."""
        yield from self.rows

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What is sent: every row that is not blank."""
        return tuple(row.segment for row in self.rows if not row.is_blank)

    @property
    def meant(self) -> tuple[Segment, ...]:
        """What is sent, without the statuses that only the form ticked."""
        return tuple(row.meant for row in self.rows if not row.is_blank)

    def check(self) -> Iterator[Finding]:
        """Yield what only the form can see: no tick would mean the usual statuses, which nobody meant."""
        for place, row in enumerate(row for row in self.rows if not row.is_blank):
            if not row.flags.value:
                yield Finding(
                    f"filter.segments[{place}].status",
                    "No qualification status is ticked.",
                    "Tick at least one, or remove the segment.",
                )

    def renumber(self) -> None:
        """Give every row its place among those that are sent."""
        place = 0
        for row in self.rows:
            row.number(None if row.is_blank else place)
            place += not row.is_blank

    def row_around(self, widget: Widget | None) -> SegmentRow | None:
        """Return the segment a widget belongs to."""
        return next((row for row in self.rows if widget is not None and row in widget.ancestors_with_self), None)

    async def add(self, segment: Segment | None = None, *, after: SegmentRow | None = None) -> SegmentRow:
        """Add a row after another one, or at the end; it can be written in when this returns."""
        row = SegmentRow(segment or Segment(""))
        before = after or self.rows[-1]
        self.rows.insert(self.rows.index(before) + 1, row)
        await self.mount(row, after=before)
        self._changed()
        return row

    def remove_segment(self, row: SegmentRow) -> None:
        """Remove a row; the last one is emptied instead. The focus goes to the row before."""
        if len(self.rows) == 1:
            row.id_field.value = row.ns_field.value = ""
            row.id_field.focus()
        else:
            place = self.rows.index(row)
            self.rows.remove(row)
            self.rows[max(0, place - 1)].id_field.focus()
            row.remove()
        self._changed()

    async def take(self, ids: Sequence[str], row: SegmentRow) -> None:
        """Write ids into a row, if it is blank, and into new ones after it with the same namespace."""
        rest = [one for one in ids if one not in {other.id_field.text for other in self.rows}]
        if rest and row.id_field.text is None:
            row.id_field.value = rest.pop(0)
        for one in rest:
            row = await self.add(Segment(one, row.ns_field.text), after=row)
        row.id_field.focus()
        self._changed()

    async def add_all(self, segments: Sequence[Segment], row: SegmentRow) -> None:
        """Put segments after a row, the first into it where it is blank; those that are there already are left out.

        The focus goes to the first one's statuses, which are what remains to be said of it.
        """
        there = {(one.segment_id, one.segment_ns) for one in self.segments}
        rest = [one for one in segments if (one.segment_id, one.segment_ns) not in there]
        has_focus = False
        for one in rest:
            if row.is_blank:
                row.id_field.value, row.ns_field.value = one.segment_id, one.segment_ns or ""
            else:
                row = await self.add(one, after=row)
            if not has_focus:
                # At once: the next key is meant for it, however many rows are still to come.
                row.flags.focus()
                has_focus = True
        self._changed()

    async def on_segment_id_field_several(self, event: SegmentIdField.Several) -> None:
        """Spread several ids over rows."""
        event.stop()
        row = self.row_around(event.field)
        if row is not None:
            await self.take(event.ids, row)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go from a written id to the next segment, making it if it is the last; from a blank one onwards."""
        row = self.row_around(event.input)
        if row is None or event.input is not row.id_field or row.id_field.text is None:
            return
        event.stop()
        if row is self.rows[-1]:
            await self.add(Segment("", row.ns_field.text), after=row)
        self.rows[self.rows.index(row) + 1].id_field.focus()

    def _changed(self) -> None:
        self.renumber()
        self.post_message(self.Changed())
