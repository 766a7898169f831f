"""Owns the job list's columns and how one job fills them; also the summary beside the list and the CSV of a view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui_app.models.export_job import is_terminal
from tui_app.models.stage import STAGES
from tui_app.present.cells import Cell, Column
from tui_app.present.status import badge_of, is_overdue
from tui_app.present.times import UNKNOWN, absolute, age, ago, duration, short_absolute
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tui_app.models.job_query import JobSummary

COLUMNS: Final[tuple[Column, ...]] = (
    Column("status", "STATUS", 13, priority=0),
    Column("id", "ID", 8, cut="middle", priority=0),
    Column("created", "AGE", 6, align="right", priority=1),
    Column("duration", "DURATION", 9, align="right", priority=3),
    Column("stage", "STAGE", 18, priority=2),
    Column("profiles", "PROFILES", 9, align="right", priority=7),
    Column("segments", "SEGMENTS", 8, align="right", priority=6),
    Column("dataset", "DATASET", 13, weight=3, priority=2),
    Column("error", "ERROR", 12, weight=4, priority=4),
)
"""What is shown unless others are chosen.

At 80 columns the error gives way to a line below the table; from 140 the table shares the width with a pane.
"""
MORE_COLUMNS: Final[tuple[Column, ...]] = (
    Column("updated", "UPDATED", 7, align="right", priority=5),
    Column("ended", "ENDED", 6, align="right", priority=5),
    Column("batches", "BATCHES", 7, align="right", priority=6),
    Column("policy", "POLICY", 13, weight=1, cut="middle", priority=6),
)
"""What can be chosen besides."""
ALL_COLUMNS: Final = (*COLUMNS, *MORE_COLUMNS)
DEFAULT_KEYS: Final = tuple(column.key for column in COLUMNS)
_BY_KEY: Final = {column.key: column for column in ALL_COLUMNS}
_MOMENTS: Final = {"created": "CREATED", "updated": "UPDATED", "ended": "ENDED"}
_MOMENT_WIDTH: Final = 11


def columns(keys: Sequence[str] = (), *, absolute_times: bool = False) -> tuple[Column, ...]:
    """Return the list's columns, those of moments as wide as what they show.

    Args:
        keys: which ones in which order; unknown and repeated ones are passed over. Without any that is known, the
            default ones.
        absolute_times: whether moments are shown as times instead of ages.
    """
    chosen = [_BY_KEY[key] for key in dict.fromkeys(keys) if key in _BY_KEY] or list(COLUMNS)
    return tuple(
        replace(one, label=_MOMENTS[one.key], min_width=_MOMENT_WIDTH)
        if absolute_times and one.key in _MOMENTS
        else one
        for one in chosen
    )


_TICK_S: Final = 5


def job_cells(
    job: JobSummary,
    *,
    now_ms: int,
    columns: tuple[str, ...],
    absolute_times: bool = False,
    zone: tzinfo | None = None,
    bar: bool = True,
) -> tuple[Cell, ...]:
    """Return the cells of one row, in the order of `columns` (keys of `ALL_COLUMNS`).

    Args:
        job: the row.
        now_ms: epoch ms, for ages.
        columns: which columns, by key.
        absolute_times: show times instead of ages.
        zone: for absolute times; None is the machine's own.
        bar: draw the stage as a bar as well as naming it.
    """

    def moment(at_ms: int | None) -> str:
        return short_absolute(at_ms, now_ms, zone) if absolute_times else age(at_ms, now_ms)

    shown = badge_of(job, now_ms)
    muted = "muted" if job.gone else ""
    cells: dict[str, Cell] = {
        "status": Cell(
            f"{shown.mark:<2} {shown.word}" if len(shown.mark) > 1 else f"{shown.mark} {shown.word}",
            shown.role,
        ),
        "id": Cell(safe_text(job.job_id), muted),
        "created": Cell(moment(job.created_ms), muted),
        "updated": Cell(moment(job.updated_ms), muted),
        "ended": Cell(moment(job.ended_ms), muted),
        "duration": Cell(
            duration(elapsed_ms(job, now_ms), step_s=_TICK_S if not is_terminal(job.status) else 1), muted
        ),
        "stage": _stage(job, now_ms, bar=bar),
        "profiles": Cell(f"{job.profiles:,}" if job.profiles is not None else "", "muted" if job.profiles == 0 else ""),
        "segments": Cell(str(job.segment_count) if job.segment_count else "all", "" if job.segment_count else "muted"),
        "dataset": Cell(safe_text(job.dataset_name or job.dataset_id or UNKNOWN), muted),
        "error": Cell(safe_text(job.error or ""), "failed" if job.status == "FAILED" else "muted"),
        "batches": Cell(str(job.batch_count) if job.batch_count else "", muted),
        "policy": Cell(safe_text(job.policy or UNKNOWN), muted),
    }
    return tuple(cells[key] for key in columns)


def elapsed_ms(job: JobSummary, now_ms: int) -> int | None:
    """Return how long a job took or has been running, in ms; None when its beginning or end is not known."""
    if job.duration_ms is not None:
        return job.duration_ms
    if job.created_ms is None or is_terminal(job.status) or job.gone:
        return None
    return max(0, now_ms - job.created_ms)


def _stage(job: JobSummary, now_ms: int, *, bar: bool = True) -> Cell:
    if job.stage is None:
        return Cell("", "muted")
    if is_terminal(job.status) or job.gone:
        return Cell(f"failed in {job.stage}" if job.status == "FAILED" else "", "failed")
    place = STAGES.index(job.stage) + 1 if job.stage in STAGES else 0
    drawn = f" {'█' * place}{'░' * (len(STAGES) - place)}" if bar else ""
    since = now_ms - job.stage_since_ms if job.stage_since_ms is not None else None
    waited = f" {duration(since, step_s=_TICK_S)}" if since is not None else ""
    overdue = is_overdue(job.status, job.updated_ms, now_ms)
    return Cell(f"{job.stage:<6}{drawn}{waited}", "overdue" if overdue else "running")


def summary_lines(job: JobSummary, *, now_ms: int, zone: tzinfo | None = None) -> tuple[tuple[str, Cell], ...]:
    """Return label and value pairs for the pane beside the list."""
    shown = badge_of(job, now_ms)
    segments = job.segment_text.split()
    lines = [
        ("status", Cell(str(shown), shown.role)),
        ("job", Cell(safe_text(job.job_id))),
        ("created", Cell(ago(job.created_ms, now_ms))),
        ("", Cell(absolute(job.created_ms, zone), "muted")),
        ("updated", Cell(ago(job.updated_ms, now_ms))),
        ("", Cell(absolute(job.updated_ms, zone), "muted")),
        ("duration", Cell(duration(elapsed_ms(job, now_ms)))),
        ("stage", _stage(job, now_ms)),
        ("dataset", Cell(safe_text(job.dataset_name or UNKNOWN))),
        ("", Cell(safe_text(job.dataset_id or UNKNOWN), "muted")),
        ("segments", Cell(str(job.segment_count) if job.segment_count else "none given: all profiles")),
        *(("", Cell(safe_text(one), "muted")) for one in segments[:8]),
        ("batches", Cell(str(job.batch_count))),
        ("profiles", Cell(f"{job.profiles:,}" if job.profiles is not None else UNKNOWN)),
        ("made by", Cell("a person or a program" if job.mine else "the platform's scheduler")),
    ]
    if len(segments) > 8:  # noqa: PLR2004 - as many as were shown
        lines.append(("", Cell(f"and {len(segments) - 8} more", "muted")))
    if is_overdue(job.status, job.updated_ms, now_ms):
        lines.append(
            (
                "maybe stuck",
                Cell(f"no sign of life for {age(job.updated_ms, now_ms)}; x cancels it", "overdue"),
            )
        )
    if job.gone:
        lines.append(("gone", Cell("the platform no longer lists this job", "muted")))
    if job.error:
        lines.append(("error", Cell(safe_text(job.error), "failed")))
    return tuple(lines)


def cursor_line(job: JobSummary, now_ms: int) -> tuple[str, str]:
    """Return one line about the job under the cursor, for where there is no room for the pane, and its role."""
    shown = badge_of(job, now_ms)
    parts = [f"{shown} {safe_text(job.job_id)}", f"into {safe_text(job.dataset_name or job.dataset_id or UNKNOWN)}"]
    if job.error:
        return f"{': '.join((', '.join(parts), safe_text(job.error)))}", shown.role
    if is_overdue(job.status, job.updated_ms, now_ms):
        parts.append(f"maybe stuck: no sign of life for {age(job.updated_ms, now_ms)}, x cancels it")
    elif job.profiles is not None:
        parts.append(f"{job.profiles:,} profiles")
    segments = f"{job.segment_count} segment{'' if job.segment_count == 1 else 's'}"
    parts.append(segments if job.segment_count else "all profiles")
    return ", ".join(parts), shown.role
