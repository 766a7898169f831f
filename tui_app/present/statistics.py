"""Owns how the figures of a view are told: lines and bars for a width, and what each line can narrow the list to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from tui_app.models.filter_grammar import UNREADABLE, in_quotes
from tui_app.models.statistics import Bucket
from tui_app.present.cells import Cell
from tui_app.present.status import badge
from tui_app.present.text_lines import clipped, heading, line, plain
from tui_app.present.times import absolute, ago, duration
from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tui_app.models.statistics import DatasetFigures, ErrorFigures, Statistics
    from tui_app.present.text_lines import TextLine

_WIDE: Final = 110
"""From so many cells on, statuses and chart stand side by side."""
_BLOCK_GAP: Final = 3
_STATUS_WIDTH: Final = 16
_BAR_MOST: Final = 40
_CHART_MOST: Final = 90
_CHART_LINES: Final = 3
_BAR_WIDEST: Final = 8
"""Cells of a bar with its gap; the bars of few buckets do not become walls."""
_TO_MINUTE: Final = len("2024-03-01 11:00")
_TO_DAY: Final = len("2024-03-01")
_DAYS_ALONE_MS: Final = 4 * 86_400_000
"""Of a chart over so much time the ends are days; of a shorter one, minutes."""
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_FAILED_MARKS: Final = ((0.0, " "), (0.05, "."), (0.25, ":"), (2.0, "!"))
"""By the part of a time's jobs that failed: up to and including so much, this mark."""
_FILTER_MOST: Final = 200
"""Characters of an error that a filter asks for; the beginning of a long one is enough to find it."""
_STAR: Final = "\x00"
"""Stands where a pattern gets a star; no line can hold it."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A line that can narrow the list: where it stands, and the condition in the filter language."""

    y: int
    condition: str


@dataclass(frozen=True, slots=True)
class Page:
    """Statistics as lines, and the ones among them that can be chosen, from the top."""

    lines: tuple[TextLine, ...]
    narrowings: tuple[Narrowing, ...]


def statistics_page(
    figures: Statistics, width: int, *, now_ms: int, cursor: int | None = None, zone: tzinfo | None = None
) -> Page:
    """Return the page for so many cells.

    Args:
        figures: of the jobs of a view.
        width: cells, at least 40 to be of use.
        now_ms: epoch ms, for ages.
        cursor: which of the lines that can be chosen has the cursor; None for none.
        zone: of times; None is the machine's own.
    """
    half = (width - _BLOCK_GAP) // 2
    if width >= _WIDE:
        lines = _beside(_statuses(figures, half), _chart(figures, half, now_ms, zone), half)
    else:
        lines = [*_statuses(figures, width), (), *_chart(figures, width, now_ms, zone)]
    found: list[Narrowing] = []

    def choose(rows: Sequence[tuple[str, TextLine]]) -> None:
        for condition, shown in rows:
            at_cursor = len(found) == cursor
            mark = Cell("> " if at_cursor else "  ", "heading")
            lines.append((mark, *(Cell(one.text, "match") if at_cursor else one for one in shown)))
            found.append(Narrowing(len(lines) - 1, condition))

    if figures.datasets:
        lines += [(), _columns(width, "DATASETS", ("JOBS", "FAILED", "MEDIAN"), "heading")]
        choose([(_dataset_condition(one), _dataset(one, width)) for one in figures.datasets])
    if figures.errors:
        lines += [(), _columns(width, "ERRORS", ("JOBS", "LAST SEEN"), "heading")]
        choose([(_error_condition(one), _error(one, width, now_ms)) for one in figures.errors])
    return Page(tuple(clipped(shown, width) for shown in lines), tuple(found))


def narrowed(filter_text: str, condition: str) -> str:
    """Return a filter that asks for a condition besides what it asked for already."""
    text = filter_text.strip()
    if not text:
        return condition
    return f"({text}) {condition}" if " or " in f" {text.casefold()} " else f"{text} {condition}"


def statistics_text(figures: Statistics, filter_text: str, *, now_ms: int, zone: tzinfo | None = None) -> str:
    """Return the page as text to copy, without marks of a cursor."""
    page = statistics_page(figures, 80, now_ms=now_ms, zone=zone)
    title = f"{figures.total:,} export jobs, filter: {safe_text(filter_text) or 'none'}"
    return "\n".join([title, "", *(plain(shown).rstrip() for shown in page.lines)])


# Statuses and durations


def _statuses(figures: Statistics, width: int) -> list[TextLine]:
    lines: list[TextLine] = [heading("STATUS")]
    most = max((count for _, count in figures.counts), default=0)
    count_width = max((len(f"{count:,}") for _, count in figures.counts), default=1)
    bar_width = max(1, min(_BAR_MOST, width - _STATUS_WIDTH - count_width - 11))
    for status, count in figures.counts:
        shown = badge(status)
        share = count / figures.total if figures.total else 0
        bar = _bar(count / most, bar_width) if most else ""
        label = fit(f"{shown.mark} {shown.word}", _STATUS_WIDTH)
        lines.append((Cell(label, shown.role), Cell(f"{count:>{count_width},}  {_percent(share):>6}  {bar}")))
    share_told = figures.success_share
    if share_told is not None:
        lines.append(line(f"success rate {_percent(share_told)}, cancelled left out", "muted"))
    lines += [(), heading("DURATION AND SIZE")]
    lines.append(
        line(
            f"median {duration(figures.p50_ms)}   95% within {duration(figures.p95_ms)}   "
            f"longest {duration(figures.longest_ms)}"
        )
    )
    if figures.profiles is not None:
        lines.append(line(f"{figures.profiles:,} profile{'' if figures.profiles == 1 else 's'} exported"))
    return lines


def _percent(share: float) -> str:
    """Write a share; what is not all or nothing never reads as if it were."""
    written = f"{share:.1%}"
    if written == "0.0%" and share > 0:
        return "<0.1%"
    return ">99.9%" if written == "100.0%" and share < 1 else written


def _bar(share: float, width: int) -> str:
    eighths = max(1, round(share * width * 8)) if share > 0 else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


# Over time


def _chart(figures: Statistics, width: int, now_ms: int, zone: tzinfo | None) -> list[TextLine]:
    lines: list[TextLine] = [heading("CREATED OVER TIME")]
    room = max(1, min(_CHART_MOST, width))
    buckets = merged(figures.buckets, room)
    if not buckets:
        return [*lines, line("no job says when it was created", "muted")]
    wide = min(_BAR_WIDEST, room // len(buckets))
    # Bars that touch read as one; where a cell is to spare, it keeps them apart.
    bar, gap = (wide - 1, " ") if wide > 2 else (wide, "")  # noqa: PLR2004 - two cells are a bar, three one and a gap
    most = max(one.total for one in buckets)

    def drawn(marks: list[str]) -> str:
        return "".join(mark * bar + gap for mark in marks)

    lines += [
        line(drawn([_block(one.total, most, row) for one in buckets]), "running")
        for row in reversed(range(_CHART_LINES))
    ]
    any_failed = any(one.failed for one in buckets)
    if any_failed:
        lines.append(line(drawn([_failed_mark(one) for one in buckets]), "failed"))
    lines.append(line(_ends(figures, wide * len(buckets), now_ms, zone), "muted"))
    each = duration(figures.bucket_ms * _parts(len(figures.buckets), room))
    lines.append(line(f"highest {most:,} job{'' if most == 1 else 's'} in {each}", "muted"))
    if any_failed:
        lines.append(line("failed: . up to 5%   : up to 25%   ! more", "muted"))
    return lines


def _ends(figures: Statistics, width: int, now_ms: int, zone: tzinfo | None) -> str:
    """Return the first and the last moment of the chart, both written in the same way, at its ends."""
    first_ms = figures.buckets[0].start_ms
    last_ms = figures.buckets[-1].start_ms + figures.bucket_ms
    first, last = absolute(first_ms, zone)[:_TO_MINUTE], absolute(last_ms, zone)[:_TO_MINUTE]
    if last_ms - first_ms >= _DAYS_ALONE_MS:
        first, last = first[:_TO_DAY], last[:_TO_DAY]
    elif first[:_TO_DAY] == last[:_TO_DAY] == absolute(now_ms, zone)[:_TO_DAY]:
        first, last = first[_TO_DAY + 1 :], last[_TO_DAY + 1 :]
    return f"{first}{' ' * max(2, width - len(first) - len(last))}{last}"


def merged(buckets: Sequence[Bucket], most: int) -> list[Bucket]:
    """Return at most so many buckets, each of as many neighbours as it takes; nothing is lost."""
    parts = _parts(len(buckets), most)
    groups = [buckets[start : start + parts] for start in range(0, len(buckets), parts)]
    return [
        Bucket(
            start_ms=group[0].start_ms,
            ok=sum(one.ok for one in group),
            failed=sum(one.failed for one in group),
            other=sum(one.other for one in group),
        )
        for group in groups
    ]


def _parts(count: int, most: int) -> int:
    """Return how many of so many buckets one takes up, where at most so many can be drawn."""
    return max(1, -(-count // most))


def _block(count: int, most: int, row: int) -> str:
    """Return what a bucket draws in a row of the chart, counted from below; any job at all is seen."""
    eighths = max(1, round(count * _CHART_LINES * 8 / most)) if count else 0
    return _EIGHTHS[max(0, min(8, eighths - row * 8))]


def _failed_mark(bucket: Bucket) -> str:
    share = bucket.failed / bucket.total if bucket.total else 0.0
    return next(mark for most, mark in _FAILED_MARKS if share <= most)


# What the list can be narrowed to


def _dataset(one: DatasetFigures, width: int) -> TextLine:
    name = safe_text(one.name or one.dataset_id or "no dataset")
    failed = f"{one.failed:,} ({_percent(one.failed / one.count)})" if one.failed and one.count else "-"
    return _columns(width - 2, name, (f"{one.count:,}", failed, duration(one.p50_ms)), "failed" if one.failed else "")


def _error(one: ErrorFigures, width: int, now_ms: int) -> TextLine:
    return _columns(width - 2, safe_text(one.text), (f"{one.count:,}", ago(one.last_seen_ms, now_ms)), "")


def _columns(width: int, name: str, values: Sequence[str], role: str) -> TextLine:
    """Return a name with its figures to the right, which are never cut for it."""
    widths = (11, 17, 10) if len(values) > 2 else (11, 17)  # noqa: PLR2004 - datasets have one figure more
    told = "".join(fit(value, size, align="right") for value, size in zip(values, widths, strict=True))
    if role == "heading":
        return (Cell(fit(name, max(1, width - cell_width(told))), role), Cell(told, "muted"))
    return (Cell(fit(name, max(1, width - cell_width(told)))), Cell(told, role))


def _dataset_condition(one: DatasetFigures) -> str:
    return f"dataset:{_pattern(one.dataset_id)}" if one.dataset_id else "-dataset:*"


def _error_condition(one: ErrorFigures) -> str:
    return f"error:{_pattern(one.text[:_FILTER_MOST])}"


def _pattern(text: str) -> str:
    """Return a value of the filter language that this text fits; what a line cannot show or hold becomes a star."""
    # Each character is judged beside a letter, because a mark is only unsafe without a base.
    known = "".join(char if safe_text(f"a{char}") == f"a{char}" else _STAR for char in text)
    pieces = re.split(f"{UNREADABLE.pattern}+", known)
    return "*".join(in_quotes(piece) if piece else "" for piece in pieces) or '""'


def _beside(left: Sequence[TextLine], right: Sequence[TextLine], width: int) -> list[TextLine]:
    """Return two blocks next to each other, the left one `width` cells wide."""
    found: list[TextLine] = []
    for one, other in zip_longest(left, right, fillvalue=()):
        kept = clipped(one, width)
        found.append((*kept, Cell(" " * (width - cell_width(plain(kept)) + _BLOCK_GAP)), *other))
    return found
