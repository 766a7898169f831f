"""Owns telling whether two bodies of the create call ask for the same, although `-7d` moves with the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.models.base import MalformedRecord
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.times import NotAMomentError, parse_rfc3339
from tui_app.models.when import without_times

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject

# From working out what `-7d` stands for to writing the intent: somebody reads a question and answers it.
_ASKED_MOST_S: Final = 120.0


def same_words(first: JsonObject, first_ms: int, second: JsonObject, second_ms: int) -> bool:
    """Tell whether two bodies, sent at these times, are what the same words stand for: `-7d` moves with the clock.

    They are the same but for their times; and the times are equal too, or some are later by one and the same length,
    which is about what passed between the two. Windows that somebody moved by hand, an hour or a day on, are thus
    another request, unless so much time has passed. `yesterday`, asked before and after midnight, is one as well.
    """
    try:
        earlier, later = ExportRequest.from_body(first), ExportRequest.from_body(second)
    except MalformedRecord:
        return first == second
    if without_times(earlier) != without_times(later):
        return False
    moved: set[float] = set()
    for before, after in zip(_times(earlier), _times(later), strict=True):
        if before == after:
            continue
        if before is None or after is None:
            return False
        try:
            moved.add((parse_rfc3339(after) - parse_rfc3339(before)).total_seconds())
        except NotAMomentError:
            return False
    moved.discard(0.0)
    passed_s = (second_ms - first_ms) / 1000
    return not moved or (len(moved) == 1 and abs(moved.pop() - passed_s) <= _ASKED_MOST_S)


def _times(request: ExportRequest) -> tuple[str | None, ...]:
    events = request.events or EventList()
    return (
        request.qualified_from,
        request.qualified_to,
        request.from_ingest,
        events.from_ingest,
        events.to_ingest,
    )
