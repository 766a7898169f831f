"""Owns `aepx download`: the files of a job or a batch into a folder, with progress on stderr."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_app.cli.main import Globals, exit_code, global_options
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.progress import ProgressLine
from tui_app.cli.session import opened_engine, run

if TYPE_CHECKING:
    from tui_app.engine.downloads import Download
    from tui_app.engine.engine import Engine

_LOOK_S = 0.25
_MOST_PARALLEL = 16


def _rate(_: click.Context, __: click.Parameter, given: str | None) -> int | None:
    from tui_app.engine.rate_limit import parse_rate  # noqa: PLC0415 - only this command needs it

    try:
        return parse_rate(given or "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(cls=Command)
@global_options
@click.argument("what", metavar="JOB|BATCH")
@click.option(
    "--to", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the files go."
)
@click.option(
    "--parallel",
    metavar="N",
    type=click.IntRange(1, _MOST_PARALLEL),
    default=3,
    show_default=True,
    help="Files at once.",
)
@click.option("--limit-rate", metavar="R", callback=_rate, help="Bytes a second in all, like 500k or 2M.")
@click.option("--verify", is_flag=True, help="Read what is here already again, and fetch anew what has changed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was downloaded as one JSON document.")
@click.pass_obj
def download(
    options: Globals, *, what: str, to: Path, parallel: int, limit_rate: int | None, verify: bool, as_json: bool
) -> int:
    """Download the files of an export job, or of one batch.

    The files of job 24115 go into DIR/24115, a folder for each batch; those of a batch into DIR/BATCH. manifest.json
    beside them names each file with its size, SHA-256 and rows. Run it again after anything went wrong, also a kill:
    it fetches only what is missing, and goes on in the middle of a file. What is here is known by name and size; with
    --verify its SHA-256 is compared as well.

    When files are missing at the end, the exit code tells why: 1 it is gone, 2 the disk, 3 the network.
    """
    return run(_download(options, what, to, parallel=parallel, limit_rate=limit_rate, verify=verify, as_json=as_json))


async def _download(
    options: Globals, what: str, to: Path, *, parallel: int, limit_rate: int | None, verify: bool, as_json: bool
) -> int:
    async with opened_engine(options) as engine:
        # Job ids are whole numbers (API reference 2.3); batch ids are long.
        asked = {"job_id": what} if what.isdecimal() and len(what) < 20 else {"batch_id": what}  # noqa: PLR2004 - of 64 bits
        key = await engine.downloads.add(**asked, to=to, parallel=parallel, limit_rate=limit_rate, check=verify)
        found = await followed(engine, key)
    output = Output()
    for failure in found.failures:
        output.narrate(f"Error: {failure}")
    _tell(output, found)
    if as_json:
        output.data(_document(found))
    else:
        output.line(str(found.folder))
    if found.state == "done":
        return Exit.OK
    return exit_code(found.failures[0]) if found.failures else Exit.UNSUCCESSFUL


async def followed(engine: Engine, key: str) -> Download:
    """Show how far a download is until it has ended."""
    waiting = asyncio.ensure_future(engine.downloads.wait(key))
    line = ProgressLine(engine.clock)
    try:
        while not waiting.done():
            await asyncio.wait([waiting], timeout=_LOOK_S)
            one = next(each for each in engine.downloads.items if each.key == key)
            line.show(progress_text(one), share=one.bytes_done / one.bytes_total if one.bytes_total else None)
    except asyncio.CancelledError:
        line.clear()
        Output().narrate("Stopped. What is complete stays; run the command again to go on in the middle of a file.")
        raise
    finally:
        line.clear()
        waiting.cancel()
    return waiting.result()


def progress_text(one: Download) -> str:
    """Return how far a download is, on one line."""
    from tui_app.present.batches import size  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.present.times import duration  # noqa: PLC0415 - as above

    if one.state == "listing":
        return one.remark or "Listing files…"
    if one.state == "checking":
        return f"Checking what is here already: {size(one.bytes_done)} so far…"
    complete = sum(each.state == "done" for each in one.files)
    parts = [
        f"{size(one.bytes_done)} of {size(one.bytes_total)}",
        f"{complete:,} of {len(one.files):,} files",
    ]
    if one.rate:
        parts.append(f"{size(int(one.rate))}/s")
    if one.left_s is not None:
        parts.append(f"{duration(int(one.left_s) * 1000)} left")
    return "  ".join(filter(None, parts))


def _tell(output: Output, found: Download) -> None:
    from tui_app.present.batches import size  # noqa: PLC0415 - as above

    complete = sum(each.state == "done" for each in found.files)
    for one in found.changed:
        output.narrate(f"Warning: {one}")
    if found.remark:
        output.narrate(found.remark)
    elif found.bytes_kept and found.bytes_kept == found.bytes_total:
        output.narrate(f"Nothing was missing: all {complete:,} files, {size(found.bytes_total)}, were here already.")
    else:
        kept = f", {size(found.bytes_kept)} of it here already" if found.bytes_kept else ""
        output.narrate(f"{complete:,} of {len(found.files):,} files, {size(found.bytes_done)}{kept}.")
    if found.counts is not None:
        for difference in found.counts.differences():
            output.narrate(f"Warning: {difference}")
    if found.state != "done" and found.files:
        output.narrate("What is complete stays. Run the command again: only what is missing is fetched.")


def _document(found: Download) -> dict[str, Any]:
    return {
        "folder": str(found.folder),
        "job_id": found.job_id or None,
        "batch_ids": list(found.batch_ids),
        "complete": found.state == "done",
        "bytes": found.bytes_done,
        "bytes_kept": found.bytes_kept,
        "files": [
            {
                "batch_id": one.batch_id,
                "name": one.name,
                "path": one.path,
                "bytes": one.length,
                "state": one.state,
                "error": str(one.failure) if one.failure is not None else None,
            }
            for one in found.files
        ],
    }
