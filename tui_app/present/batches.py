"""Owns what is shown of a job's batches: state, audience, records, files, and counts that do not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tui_app.models.batch import BatchState
from tui_app.present.cells import Cell
from tui_app.present.text_lines import TextLine, heading, line, rows, wrapped
from tui_app.present.times import UNKNOWN
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.models.batch import Batch
    from tui_app.models.counts import Counts
    from tui_app.models.failure import Failure

_FILES_MOST: Final = 200
_ROLES: Final = {
    BatchState.RUNNING: (">", "running"),
    BatchState.STALLED: ("^", "overdue"),
    BatchState.DONE: ("+", "succeeded"),
    BatchState.FAILED: ("!", "failed"),
    BatchState.GONE: ("x", "cancelled"),
}
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


class Stated(Protocol):
    """One batch of a job."""

    @property
    def batch_id(self) -> str:
        """Its id."""
        ...

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """Whose profiles it holds."""
        ...

    @property
    def audience(self) -> str:
        """Their names, "" for not known."""
        ...

    @property
    def batch(self) -> Batch | None:
        """As Catalog has it."""
        ...

    @property
    def failure(self) -> Failure | None:
        """Why Catalog does not tell."""
        ...


class File(Protocol):
    """One file of a batch."""

    @property
    def name(self) -> str:
        """As the platform names it."""
        ...

    @property
    def length(self) -> int | None:
        """Bytes."""
        ...


def size(count: int | None) -> str:
    """Return a number of bytes for people, three digits at least: `64.0 MiB`."""
    if count is None:
        return UNKNOWN
    amount = float(count)
    for unit in _UNITS[:-1]:
        if amount < 1024:  # noqa: PLR2004 - a KiB
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {_UNITS[-1]}"


def badge_of_batch(batch: Batch | None) -> Cell:
    """Return mark and word of a batch's status, with its colour."""
    if batch is None:
        return Cell("? not told", "unknown")
    mark, role = _ROLES[batch.state]
    return Cell(f"{mark} {safe_text(batch.status) or 'no status'}", role)


def counted_lines(
    states: Sequence[Stated],
    counts: Counts,
    files: Mapping[str, Sequence[File] | Failure],
    width: int,
) -> tuple[TextLine, ...]:
    """Return the counts held together, then each batch with its files as far as they were read."""
    return (*_counts(counts, width), *(one for state in states for one in _batch(state, files, width)))


def _counts(counts: Counts, width: int) -> list[TextLine]:
    shown = ((counts.profiles, "profiles by the job"), (counts.written, "records by the batches"))
    parts = [f"{UNKNOWN if number is None else f'{number:,}'} {what}" for number, what in shown]
    if counts.rows is not None:
        parts.append(f"{counts.rows:,} rows downloaded")
    found = [*rows([("counts", line(", ".join(parts)))], width)]
    for one in counts.differences():
        found += wrapped((Cell("^ ", "overdue"), Cell(one, "overdue")), width, hanging=2)
    if counts.profiles is not None and counts.written is not None and counts.agree:
        found += rows([("", line("they agree", "succeeded"))], width)
    return [*found, ()]


def _batch(state: Stated, files: Mapping[str, Sequence[File] | Failure], width: int) -> list[TextLine]:
    batch = state.batch
    pairs: list[tuple[str, TextLine]] = [
        ("batch", line(safe_text(state.batch_id))),
        ("status", (badge_of_batch(batch),)),
    ]
    if state.failure is not None:
        pairs.append(("", line(safe_text(f"{state.failure.cause}. {state.failure.next_step}"), "failed")))
    if state.segment_ids:
        names = safe_text(state.audience)
        ids = ", ".join(state.segment_ids[:3]) + (" …" if len(state.segment_ids) > 3 else "")  # noqa: PLR2004 - a line
        pairs.append(("audience", (Cell(names), Cell(f"  {safe_text(ids)}" if names else safe_text(ids), "muted"))))
    if batch is not None:
        written = UNKNOWN if batch.written is None else f"{batch.written:,}"
        rejected = f", {batch.rejected:,} rejected" if batch.rejected else ""
        pairs.append(("records", line(written + rejected, "overdue" if batch.rejected else "")))
        pairs += [("error", line(safe_text(" ".join(filter(None, one))), "failed")) for one in batch.errors]
    return [*rows(pairs, width), *_files(files.get(state.batch_id), width), ()]


def _files(found: Sequence[File] | Failure | None, width: int) -> list[TextLine]:
    if found is None:
        return []
    if not isinstance(found, (list, tuple)):
        failure: Failure = found  # type: ignore[assignment]  # what is no list is the reason why there is none
        return rows([("files", line(safe_text(f"{failure.cause}. {failure.next_step}"), "failed"))], width)
    known = [one.length for one in found if one.length is not None]
    whole = f", {size(sum(known))}" if known else ""
    pairs: list[tuple[str, TextLine]] = [("files", line(f"{len(found):,}{whole}" if found else "none: it is empty"))]
    pairs += [
        ("", (Cell(f"{size(one.length):>10}  ", "muted"), Cell(safe_text(one.name)))) for one in found[:_FILES_MOST]
    ]
    if len(found) > _FILES_MOST:
        pairs.append(("", line(f"and {len(found) - _FILES_MOST:,} more", "muted")))
    return rows(pairs, width)


def files_heading(count: int, *, per_segment: bool) -> TextLine:
    """Return the line over all batches of a job."""
    return heading(
        f"{count:,} {'batch' if count == 1 else 'batches'}, one for {'each segment' if per_segment else 'all segments'}"
    )
