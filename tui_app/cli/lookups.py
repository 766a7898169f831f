"""Owns what the commands have in common that list what one can choose from: reading, progress, age, and the forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tui_app.cli.output import Output
from tui_app.cli.progress import ProgressLine
from tui_app.cli.session import opened_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tui_app.cli.main import Globals
    from tui_app.engine.engine import Engine
    from tui_app.engine.lookups import Known, Lookup
    from tui_app.models.base import JsonObject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How things of one kind are printed.

    Attributes:
        normalised: one as `--json` prints it.
        columns: the keys of that which CSV has.
        head: the head of the table.
        row: one as a row of the table.
    """

    normalised: Callable[[T], JsonObject]
    columns: Sequence[str]
    head: Sequence[str]
    row: Callable[[T], Sequence[object]]


async def read(
    options: Globals,
    chosen: Callable[[Engine], Lookup[T]],
    things: str,
    *,
    offline: bool,
    looked_at: Callable[[Engine, Sequence[T]], None] | None = None,
) -> tuple[Known[T], str]:
    """Return what is known of a kind, and the sandbox's name; read anew, or with `offline` as history has it.

    While pages come in, stderr tells how many there are; in the end, what is missing or how old it is.

    Args:
        options: the global options.
        chosen: picks the kind.
        things: what they are called, as in "audiences".
        offline: from history alone.
        looked_at: is called with what was found while the engine is still there.

    Raises:
        ConfigError: no connection or sandbox can be chosen.
        FailureError: the platform could not be asked, or refuses.
    """
    from tui_app.models.failure import FailureError  # noqa: PLC0415 - pydantic is slow to import; help does without

    async with opened_engine(options, offline=offline) as engine:
        lookup = chosen(engine)
        found = await (lookup.known() if offline else _refreshed(engine, lookup, things))
        if found.failure is not None:
            if not offline and found.items:
                Output().narrate(f"What is known of them from before is shown with --offline: {len(found.items):,}.")
            raise FailureError(found.failure)
        if offline:
            _tell_age(engine, found, things)
        if found.remark:
            Output().narrate(found.remark)
        if looked_at is not None:
            looked_at(engine, found.items)
        return found, engine.session.sandbox_name


def show(listing: Listing[T], items: Iterable[T], *, form: str | None) -> None:
    """Print things in one of the forms of `form_options`, as a table without one."""
    output = Output()
    if form is None:
        output.table(listing.head, map(listing.row, items))
        return
    values = map(listing.normalised, items)
    if form == "json":
        array = output.json_array()
        array.items(values)
        array.end()
    elif form == "ndjson":
        output.ndjson(*values)
    else:
        output.csv(listing.columns, ([_cell(value[key]) for key in listing.columns] for value in values))


async def _refreshed(engine: Engine, lookup: Lookup[T], things: str) -> Known[T]:
    line = ProgressLine(engine.clock)
    unsubscribe = engine.subscribe(lambda _: line.show(f"Reading {things}: {lookup.read:,} so far"))
    try:
        return await lookup.refresh()
    finally:
        unsubscribe()
        line.clear()


def _tell_age(engine: Engine, found: Known[Any], things: str) -> None:
    from tui_app.clock import now_ms  # noqa: PLC0415 - as above
    from tui_app.present.times import absolute, ago  # noqa: PLC0415 - only here

    output, sandbox_name = Output(), engine.session.sandbox_name
    if found.fetched_ms is None:
        output.narrate(
            f"The history has no {things} of sandbox {sandbox_name} yet. Run the command without --offline once."
        )
        return
    told = (
        f"{len(found.items):,} {things} of sandbox {sandbox_name}, read {ago(found.fetched_ms, now_ms(engine.clock))}"
    )
    told += f" ({absolute(found.fetched_ms)})"
    output.narrate(f"{told}." if found.is_complete else f"{told}; not all of them: the last reading was broken off.")


def _cell(value: object) -> object:
    """Write what CSV has no form for."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value
