"""Owns `aepx emulator` and `aepx demo`: the embedded platform for other programs, and for looking at the app."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import run

DIALECTS: Final = ("seed", "openapi", "newest", "mixed")
_JOBS: Final = 5_000
_SPEED: Final = 30.0
_SPEEDS: Final = click.FloatRange(0.001, 1_000_000)
_JOBS_MOST: Final = 2_000_000
_ROWS: Final = 100_000
_ROWS_MOST: Final = 1_000_000_000
_TOKEN_S: Final = 86_399
_TOKEN_MOST_S: Final = 366 * 86_400
# As the platform's own tables have it; this layer cannot import them, a test holds them together.
_EMULATOR_HELP: Final = """Serve an emulated platform on this machine until ctrl-c; every credential of it is invented.

When it answers, it prints one JSON line with base_url, ims_url, org_id, client_id, client_secret, access_token
and sandboxes; "limited" has a client without any rights. In another shell, with the values of that line:

\b
  export AEPX_BASE_URL=… AEPX_IMS_URL=… AEPX_ORG_ID=…
  export AEPX_CLIENT_ID=… AEPX_CLIENT_SECRET=… AEPX_SANDBOX=prod
  aepx jobs list

Or with any other program, which can do with the access_token of that line:

\b
  ACCESS_TOKEN=…
  curl "$AEPX_BASE_URL/data/core/ups/export/jobs?limit=3" \\
    -H "Authorization: Bearer $ACCESS_TOKEN" -H "x-api-key: $AEPX_CLIENT_ID" \\
    -H "x-gw-ims-org-id: $AEPX_ORG_ID" -H "x-sandbox-name: prod"

A segment id that contains one of these words, in lower case, decides how its job goes; any other job succeeds:

\b
  fail-export  FAILED at the end of the profile export
  fail-write   FAILED at the end of the dataset write
  stuck        stays PROCESSING until it is cancelled
  slow-gap     succeeds, twelve times as long between export and write
  empty        succeeds with no profile exported

For example: aepx jobs create --dataset ID --segment weekly-fail-write

With --faults FILE things go wrong, and jobs go as they are told to. A file of two faults and a script:

\b
  [[fault]]
  kind = "throttle"
  retry_after = "date"
  method = "GET"
  path = "/data/core/ups/export/jobs*"
  times = 2
  after = 1

\b
  [[fault]]
  kind = "status"
  status = 503
  shape = "ups"
  probability = 0.05
  from_s = 60
  until_s = 600

\b
  [[job]]
  outcome = "fail-write"
  segment = "weekly"
  stages = { queue = 5, write = 30 }

A fault needs its kind. Which calls meet it: path and method (patterns with *), times and after (counts of calls),
probability, from_s and until_s (seconds since the start). What else it can have depends on the kind:
aepx emulator --help-faults explains every key, with its default and what is allowed, and what happens when several
faults fit one call. The kinds:

\b
  status      answers with a status, in any shape of error
  throttle    answers 429, with a Retry-After in any form or none
  revoke      ends the caller's token: 401 until a new one is fetched
  html        answers with a page of HTML
  redirect    sends the caller on, to this origin or another, or in a loop
  types       gives values of the JSON another type
  nulls       puts null in the place of values
  missing     leaves keys out
  duplicates  shows every record of a page twice
  cursor      lets the next page be this one again, or the first
  foreign     lets links lead to another origin
  skew        shifts the Date header and the times in the JSON
  truncate    closes in the middle of the body
  endless     sends a body without end until the caller leaves
  length      declares a wrong Content-Length, too long or too short
  range       gets Content-Range or the bytes of a range wrong
  gzip        says gzip over garbage, over half a body, or over a bomb
  encoding    sends text as UTF-16, with a mark, or as no UTF-8
  headers     adds headers, leaves some out, or sends some twice
  wait        is late with the first byte
  drip        sends the body a few bytes a second
  reset       resets the connection before, or in headers or body
  lose        lets the service act and loses its answer
  count       does nothing but count the calls

A [[job]] is for the next job (or the next ones, as many as times says) made with this dataset and segment, if they
are given: its outcome, and the length of its stages queue, export, gap, write, finish in seconds.

With --control the ready line has "control": a url and a token of its own. Everything that changes while it runs:

\b
  GET    /emulator/state            time, speed, tokens, faults, and jobs in
                                    memory: those alive or changed
  GET    /emulator/faults           how often each was met; also with /ID
  POST   /emulator/faults           one more: the keys of the file, as JSON
  DELETE /emulator/faults           all of them, or with /ID one
  POST   /emulator/time             {"pause": true, "step_s": 60, "speed": 10}
  GET    /emulator/jobs             the scripts that wait, and for how many
  POST   /emulator/jobs             one more script: the keys of [[job]]
  DELETE /emulator/jobs             forget the scripts that wait
  POST   /emulator/tokens/revoke    every token, or {"token": "…"}

\b
  CONTROL_URL=… CONTROL_TOKEN=…
  curl "$CONTROL_URL/time" -H "Authorization: Bearer $CONTROL_TOKEN" \\
    -d '{"pause": true, "step_s": 3600}'
"""


@click.command(cls=Command)
@global_options
@click.option("--jobs", type=click.IntRange(0, _JOBS_MOST), default=_JOBS, show_default=True, help="Jobs of the past.")
@click.option(
    "--speed",
    type=_SPEEDS,
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


def _explain_faults(ctx: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - as click calls it
    if asked and not ctx.resilient_parsing:
        from tui_app.wiring import faults_guide  # noqa: PLC0415 - brings the engine

        click.echo(faults_guide(), nl=False)
        ctx.exit()


@click.command(cls=Command, help=_EMULATOR_HELP)
@global_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to serve on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port; the default takes a free one.")
@click.option("--jobs", type=click.IntRange(0, _JOBS_MOST), default=_JOBS, show_default=True, help="Jobs of the past.")
@click.option(
    "--rows",
    type=click.IntRange(0, _ROWS_MOST),
    default=_ROWS,
    show_default=True,
    help="Profiles in a sandbox; an export of everything has as many rows.",
)
@click.option(
    "--speed",
    type=_SPEEDS,
    default=_SPEED,
    show_default=True,
    help="How much faster than real its jobs run.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same one makes the same world.")
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default="seed", show_default=True, help="Whose documents answers follow."
)
@click.option("--default-sandbox", metavar="NAME", help="Sandbox of calls that name none; without it they are refused.")
@click.option(
    "--token-life",
    type=click.IntRange(1, _TOKEN_MOST_S),
    default=_TOKEN_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a token is good for.",
)
@click.option("--late-dataset-check", is_flag=True, help="Accept a job whose dataset is wrong and let it fail.")
@click.option("--faults", metavar="FILE", help="What is to go wrong, and how jobs are to go; see above.")
@click.option(
    "--help-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_explain_faults,
    help="Explain every key of a file of faults and exit.",
)
@click.option("--control", is_flag=True, help="Let others with the token look and steer, below /emulator.")
@click.pass_obj
def emulator(options: Globals, /, *, faults: str | None, token_life: int, **world: Any) -> int:
    """Serve an emulated platform on this machine until it is told to stop."""
    from tui_app.wiring import serve_emulator  # noqa: PLC0415 - brings the engine; help does without

    del options  # global options are accepted everywhere; the emulator needs none of them

    def ready(line: dict[str, Any]) -> None:
        Output().ndjson(line)
        Output().narrate(f"Serving at {line['base_url']} until ctrl-c; aepx emulator --help says how to call it.")

    file = Path(faults) if faults is not None else None
    run(serve_emulator(on_ready=ready, faults=file, token_lifetime_s=token_life, **world))
    return Exit.OK
