"""Owns `aepx emulator` and `aepx demo`: the embedded platform for other programs, and for looking at the app."""

from __future__ import annotations

from typing import Any, Final

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import run

DIALECTS: Final = ("seed", "openapi", "newest", "mixed")
_JOBS: Final = 5_000
_SPEED: Final = 30.0
_JOBS_MOST: Final = 2_000_000
# As the platform's own tables have it; this layer cannot import them, a test holds them together.
_EMULATOR_HELP: Final = """Serve an emulated platform on this machine until ctrl-c; every credential of it is invented.

When it answers, it prints one JSON line with base_url, ims_url, org_id, client_id, client_secret, access_token
and sandboxes. In another shell, with the values of that line:

\b
    export AEPX_BASE_URL=… AEPX_IMS_URL=… AEPX_ORG_ID=… AEPX_CLIENT_ID=… AEPX_CLIENT_SECRET=… AEPX_SANDBOX=prod
    aepx jobs list

Or with any other program:

\b
    curl "$AEPX_BASE_URL/data/core/ups/export/jobs?limit=3" \\
      -H "Authorization: Bearer $ACCESS_TOKEN" -H "x-api-key: $AEPX_CLIENT_ID" \\
      -H "x-gw-ims-org-id: $AEPX_ORG_ID" -H "x-sandbox-name: prod"

A segment id that contains one of these words decides how its job goes; any other job succeeds:

\b
    fail-export  FAILED at the end of the profile export
    fail-write   FAILED at the end of the dataset write
    stuck        stays PROCESSING until it is cancelled
    slow-gap     succeeds, with a pause twelve times as long between export and write
    empty        succeeds with no profile exported

For example: aepx jobs create --dataset ID --segment weekly-fail-write
"""


@click.command(cls=Command)
@global_options
@click.option("--jobs", type=click.IntRange(0, _JOBS_MOST), default=_JOBS, show_default=True, help="Jobs of the past.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=_SPEED,
    show_default=True,
    help="How much faster than real its jobs run.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same one makes the same world.")
@click.pass_obj
def demo(options: Globals, *, jobs: int, speed: float, seed: int) -> int:
    """Run the app on an embedded platform: no account, no network, nothing kept."""
    from tui_app.cli.app import run_demo  # noqa: PLC0415 - brings Textual

    return run_demo(options, jobs=jobs, speed=speed, seed=seed)


@click.command(cls=Command, help=_EMULATOR_HELP)
@global_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to serve on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port; the default takes a free one.")
@click.option("--jobs", type=click.IntRange(0, _JOBS_MOST), default=_JOBS, show_default=True, help="Jobs of the past.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=_SPEED,
    show_default=True,
    help="How much faster than real its jobs run.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same one makes the same world.")
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default="seed", show_default=True, help="Whose documents answers follow."
)
@click.pass_obj
def emulator(options: Globals, *, host: str, port: int, jobs: int, speed: float, seed: int, dialect: str) -> int:
    """Serve an emulated platform on this machine until it is told to stop."""
    from tui_app.wiring import serve_emulator  # noqa: PLC0415 - brings the engine; help does without

    del options  # global options are accepted everywhere; the emulator needs none of them

    def ready(line: dict[str, Any]) -> None:
        Output().ndjson(line)
        Output().narrate(f"Serving at {line['base_url']} until ctrl-c; aepx emulator --help says how to call it.")

    run(serve_emulator(host=host, port=port, jobs=jobs, speed=speed, seed=seed, dialect=dialect, on_ready=ready))
    return Exit.OK
