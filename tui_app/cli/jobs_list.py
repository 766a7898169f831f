"""Owns `aepx jobs list`: which jobs, in what order, from the platform or from history, and in which form."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command, form_options
from tui_app.cli.output import Output, Table
from tui_app.cli.session import interruptible, opened_engine, run, tell_age
from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_app.engine.engine import Engine
    from tui_app.models.export_job import ExportJob
    from tui_app.models.filter import Filter
    from tui_app.models.filter_text import FilterError
    from tui_app.models.job_query import JobQuery, JobSummary
    from tui_app.models.view import SavedView

_LIMIT: Final = 100
_LIMIT_MOST: Final = 1_000_000_000
SORTS: Final = (
    "created", "updated", "ended", "id", "status", "duration", "stage", "profiles", "segments", "batches", "dataset",
    "policy", "error",
)  # fmt: skip
"""The columns one can order by."""
_GREATEST_FIRST: Final = frozenset({"created", "updated", "ended", "id", "duration", "profiles", "segments", "batches"})
_FEW: Final = 2_000
_PART: Final = 500
_TABLE_PART: Final = 5_000
_WINDOW: Final = 76
_WORD_CELLS: Final = 40
_AROUND: Final = _WINDOW // 2
_TELL_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for, before there is a history to look views up in."""

    filter: str = ""
    statuses: tuple[str, ...] = ()
    view: str | None = None
    sort: str | None = None
    reverse: bool = False
    limit: int | None = None
    offline: bool = False
    form: str | None = None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.filter.strip() or self.statuses or self.view)


def _print_language(ctx: click.Context, _: click.Parameter, asked: Any) -> None:
    """Print the filter language and end."""
    if not asked:
        return
    from tui_app.models.filter import cheat_sheet  # noqa: PLC0415 - only who asks for it waits for it

    Output().table(["FILTER", "FINDS"], cheat_sheet())
    ctx.exit()


@click.command("list", cls=Command)
@global_options
@click.option("--filter", "text", metavar="EXPR", default="", help="Only jobs that pass, as in the app: status:failed.")
@click.option("--status", "statuses", metavar="STATUS", multiple=True, help="Only jobs in this status; again for more.")
@click.option("--view", metavar="NAME", help="Filter and order of a view saved in the app.")
@click.option("--sort", type=click.Choice(SORTS), help="The order; without it, newest first.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--limit", type=click.IntRange(1, _LIMIT_MOST), default=_LIMIT, show_default=True, help="The first so many."
)
@click.option("--all", "everything", is_flag=True, help="All of them, whatever --limit says.")
@click.option("--offline", is_flag=True, help="From the local history, without asking the platform.")
@form_options(json="Print one JSON array.", ndjson="Print one JSON object a line.", csv="Print CSV.")
@click.option(
    "--help-filter", is_flag=True, is_eager=True, expose_value=False, callback=_print_language,
    help="Show what a filter can say.",
)  # fmt: skip
@click.pass_obj
def list_jobs(
    options: Globals,
    *,
    text: str,
    statuses: tuple[str, ...],
    view: str | None,
    sort: str | None,
    reverse: bool,
    limit: int,
    everything: bool,
    offline: bool,
    form: str | None,
) -> None:
    """List export jobs, newest first.

    What is read is kept in the local history. Any other order is that of the whole list, so the whole list is read
    first; --offline orders what the history holds.
    """
    asked = _Asked(
        filter=text,
        statuses=_statuses(statuses),
        view=view,
        sort=sort,
        reverse=reverse,
        limit=None if everything else limit,
        offline=offline,
        form=form,
    )
    from tui_app.models.filter import strange_statuses  # noqa: PLC0415 - help does without the models

    for word in strange_statuses(_parsed(text, "--filter")):  # before a history is opened or a secret looked for
        _warn_of_status(word)
    run(_list(options, asked))


# What is asked for


def _statuses(given: Sequence[str]) -> tuple[str, ...]:
    from tui_app.models.export_job import STATUSES, UNKNOWN, normal_status  # noqa: PLC0415 - help does without the models

    words = tuple(dict.fromkeys(normal_status(word) for one in given for word in one.split(",")))
    for word in words:
        if word not in {*STATUSES, UNKNOWN}:
            _warn_of_status(word)
    return words


def _warn_of_status(word: str) -> None:
    """Say that a status is none that is known; the platform may have new ones, so it is asked for all the same."""
    from tui_app.models.export_job import STATUSES  # noqa: PLC0415 - help does without the models

    shown = safe_text(word)
    shown = fit(shown, min(_WORD_CELLS, cell_width(shown)))
    Output().narrate(f"Warning: {shown} is no status known here: {', '.join(STATUSES)}.")


def _parsed(text: str, whose: str) -> Filter:
    """Read a filter line; `whose` begins the message of one that cannot be read."""
    from tui_app.models.filter import EVERYTHING  # noqa: PLC0415 - help does without the models

    if not text.strip():
        return EVERYTHING
    from tui_app.clock import SystemClock  # noqa: PLC0415 - as above
    from tui_app.models.filter_text import FilterError, parse  # noqa: PLC0415 - as above

    try:
        return parse(text, now=SystemClock().now())
    except FilterError as error:
        raise click.ClickException(f"{whose}: {error.cause} {error.remedy}\n{pointed(text, error)}") from None


def pointed(line: str, error: FilterError) -> str:
    """Return the part of a filter line around a fault, harmless, and below it a line of `^` under the fault."""
    end = max(error.end, error.start + 1)
    # Cut before it is made harmless: an escape takes up to ten cells, and the line may be ten thousand letters long.
    first, last = max(0, error.start - _AROUND), end + _AROUND
    before = _end_of(safe_text(line[first : error.start]), is_cut=first > 0)
    fault = safe_text(line[error.start : min(end, error.start + _AROUND)])
    shown = f"{before}{fault}{safe_text(line[end:last])}" + "…" * (last < len(line))
    marked = min(max(1, cell_width(fault)), _WINDOW - cell_width(before))
    return f"  {fit(shown, _WINDOW).rstrip()}\n  {' ' * cell_width(before)}{'^' * marked}"


def _end_of(text: str, *, is_cut: bool) -> str:
    """Return the end of what stands before a fault, as much as there is room for, with `…` if it is cut."""
    shortened = text
    while cell_width(shortened) >= _AROUND:
        shortened = shortened[1:]
    return f"…{shortened}" if is_cut or shortened != text else text


async def _query(engine: Engine, asked: _Asked) -> JobQuery:
    """Return the question: the view's, narrowed by filter and statuses, in the order asked for or the view's."""
    from tui_app.models.filter import AllOf, OneOf, Pattern  # noqa: PLC0415 - help does without the models
    from tui_app.models.job_query import JobQuery  # noqa: PLC0415 - as above

    parts = [_parsed(asked.filter, "--filter")]
    query = JobQuery()
    if asked.view is not None:
        saved = _view_named(asked.view, await engine.views.saved())
        parts.append(_parsed(saved.view.text, f"The filter of view {saved.name}"))
        query = replace(query, sort=saved.view.sort, descending=saved.view.descending)
    if asked.statuses:
        parts.append(OneOf("status", tuple(Pattern((one,)) for one in asked.statuses)))
    if asked.sort is not None:
        query = replace(query, sort=asked.sort, descending=asked.sort in _GREATEST_FIRST)
    parts = [one for one in parts if one != AllOf()]
    whole = parts[0] if len(parts) == 1 else AllOf(tuple(parts))
    return replace(query, filter=whole, descending=query.descending is not asked.reverse)


def _view_named(name: str, views: Sequence[SavedView]) -> SavedView:
    found = next((one for one in views if one.name.casefold() == name.strip().casefold()), None)
    if found is None:
        known = ", ".join(one.name for one in views)
        told = f"Saved for this sandbox: {known}." if known else "None is saved for this sandbox; save one in the app."
        raise click.ClickException(f"There is no view named {name!r}. {told}")
    return found


# Where the jobs come from


async def _list(options: Globals, asked: _Asked) -> None:
    async with opened_engine(options, offline=asked.offline) as engine:
        query = await _query(engine, asked)
        if asked.offline:
            await tell_age(engine)
        printer = _printer(engine, asked)
        count, more = await (_known if asked.offline else _read)(engine, query, asked.limit, printer)
        printer.end()
        _tell_rest(engine, asked, query, count, more=more)


async def _known(engine: Engine, query: JobQuery, limit: int | None, printer: _Printer) -> tuple[int, bool]:
    """Print what history holds and return how many, and whether there are more."""
    if limit is None or limit > _FEW:
        rows = await engine.list.all_rows(query)
    else:
        # A few come quicker than the numbers of all: 1 ms instead of 0.2 s at a million jobs.
        rows = array("I", (one.row for one in await engine.list.first_rows(query, limit + 1)))
    more = limit is not None and len(rows) > limit
    rows = rows[:limit]
    await printer.rows(rows, whole=True)
    return len(rows), more


async def _read(engine: Engine, query: JobQuery, limit: int | None, printer: _Printer) -> tuple[int, bool]:
    """Print what the platform holds and return how many, and whether there may be more.

    Lines go out as pages come in: `| head` then ends the reading, too. One document waits until nothing can fail it.
    """
    last = engine.clock.monotonic()

    def tell(read: int, matching: int) -> None:
        nonlocal last
        if engine.clock.monotonic() - last >= _TELL_EVERY_S:
            last = engine.clock.monotonic()
            Output().narrate(f"{read:,} jobs read, {matching:,} match…")

    found = await engine.reading.newest(
        query, limit=limit, progress=tell, each=printer.rows if printer.is_by_line else None
    )
    for note in found.notes:
        Output().narrate(f"Warning: {note}")
    if not found.told:
        await printer.rows(found.rows, whole=True)
    return len(found.rows), found.more


def _tell_rest(engine: Engine, asked: _Asked, query: JobQuery, count: int, *, more: bool) -> None:
    """Say on stderr that there are more jobs, or why there are none."""
    output = Output()
    if more:
        if (query.sort, query.descending) == ("created", True):
            shown = "newest one is" if count == 1 else f"{count:,} newest are"
        else:
            shown = "first one is" if count == 1 else f"first {count:,} are"
        output.narrate(f"The {shown} shown; there are more. Say --limit N or --all for them.")
    elif not count and asked.is_narrowed:
        output.narrate("No jobs match.")
    elif not count:
        where = "The local history" if asked.offline else f"Sandbox {engine.session.sandbox_name}"
        output.narrate(f"{where} has no export jobs.")


# How they are printed


class _Printer(Protocol):
    """Prints jobs of history by their row numbers, a part at a time: a million take no more memory than a thousand."""

    is_by_line: bool

    async def rows(self, rows: array[int], *, whole: bool = False) -> None:
        """Print the next jobs; `whole` says that there are no others."""

    def end(self) -> None:
        """Finish."""


def _printer(engine: Engine, asked: _Asked) -> _Printer:
    if asked.form is None:
        return _TablePrinter(engine, offline=asked.offline)
    return _DocumentPrinter(engine, asked.form)


class _DocumentPrinter:
    """Prints them as JSON, NDJSON or CSV."""

    def __init__(self, engine: Engine, form: str) -> None:
        from tui_app.engine.export import CSV_COLUMNS  # noqa: PLC0415 - here the engine is loaded anyway

        self.is_by_line = form != "json"
        self._engine = engine
        self._form = form
        self._output = Output()
        self._array = self._output.json_array()
        self._csv_columns: Sequence[str] | None = CSV_COLUMNS
        self._names: Mapping[str, str] = {}

    async def rows(self, rows: array[int], *, whole: bool = False) -> None:
        self._names = await self._engine.datasets.names()
        for start in range(0, len(rows), _PART):
            jobs = await self._engine.list.jobs(rows[start : start + _PART])
            with interruptible():
                self._jobs(jobs)

    def _jobs(self, jobs: Sequence[ExportJob]) -> None:
        from tui_app.clock import now_ms  # noqa: PLC0415 - here the engine is loaded anyway
        from tui_app.engine.export import csv_row  # noqa: PLC0415 - as above
        from tui_app.models.normalised import normalised  # noqa: PLC0415 - as above

        now = now_ms(self._engine.clock)
        documents = [normalised(job, now, dataset_name=self._names.get(job.dataset_id or "")) for job in jobs]
        if self._form == "json":
            self._array.items(documents)
        elif self._form == "ndjson":
            self._output.ndjson(*documents)
        else:
            self._head()
            self._output.csv_rows(csv_row(one) for one in documents)

    def end(self) -> None:
        if self._form == "json":
            self._array.end()
        elif self._form == "csv":
            self._head()

    def _head(self) -> None:
        if self._csv_columns is not None:
            self._output.csv_rows([self._csv_columns])
            self._csv_columns = None


@dataclass
class _TablePrinter:
    """Prints them as people read them: an aligned table, as much of it as the terminal has room for."""

    engine: Engine
    offline: bool
    is_by_line: bool = False
    _output: Output = field(default_factory=Output)
    _table: Table | None = None
    _keys: tuple[str, ...] = ()

    async def rows(self, rows: array[int], *, whole: bool = False) -> None:
        if rows and not self.offline:
            await self.engine.datasets.learn_names()
        for start in range(0, len(rows), _TABLE_PART):
            summaries = await self.engine.list.summaries(rows[start : start + _TABLE_PART])
            with interruptible():
                self._block(summaries, only=whole and len(rows) <= _TABLE_PART)

    def end(self) -> None:
        """Nothing is left to print."""

    def _block(self, jobs: Sequence[JobSummary], *, only: bool) -> None:
        from tui_app.clock import now_ms  # noqa: PLC0415 - here the engine is loaded anyway
        from tui_app.present.cells import layout  # noqa: PLC0415 - only tables need cells
        from tui_app.present.jobs import COLUMNS, job_cells  # noqa: PLC0415 - as above

        if self._table is None:
            # A column that nobody fills gives its room to others; whether later blocks fill it nobody knows yet.
            bare = {"profiles"} if only and all(one.profiles is None for one in jobs) else set()
            columns = [one for one in COLUMNS if one.key not in bare]
            if self._output.width is not None:
                columns = [one for one, _ in layout(columns, self._output.width)]
            self._keys = tuple(one.key for one in columns)
            self._table = Table(self._output, [one.label for one in columns])
        now = now_ms(self.engine.clock)
        self._table.rows(
            [cell.text for cell in job_cells(one, now_ms=now, columns=self._keys, bar=False)] for one in jobs
        )
