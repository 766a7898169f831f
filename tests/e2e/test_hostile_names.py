"""Names that would drive a terminal: nothing but the app's own grammar reaches it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve
    from tui_app.emulator.world.world import World

NAME = "[/x]\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x9b31m\x07\u202eevil\u2066\x08\r\n\x7f\u200b"
SEGMENT = "fail-write\x1b]0;owned\x07\x9d52;c;eA==\x07\u202e"
MESSAGE = f"\x1bP1$r\x1b\\\x1b_G\x1b\\\x1b[5n\x1b[21t{NAME}"

# All that Textual writes, by its drivers and its compositor: styles, cursor, modes, keyboard protocol, mode questions,
# the shape of the mouse pointer. No title, no clipboard: nothing here copies.
GRAMMAR = re.compile(
    r"\x1b\[[\d;]*m"
    r"|\x1b\[(?:\d+;\d+)?H"
    r"|\x1b\[\?\d+[hl]"
    r"|\x1b\[\?(?:2026|2048)\$p"
    r"|\x1b\[[<>]\d*u"
    r"|\x1b\]22;[a-z-]*\x07"
    r"|\r\n"
)
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def test_only_the_apps_own_sequences_reach_the_terminal(aepx: Open, serve: Serve) -> None:
    platform = serve(speed=100_000.0)
    job_id = platform.steer(hostile_job)
    terminal = aepx(platform=platform, columns=160, lines=40)
    terminal.wait_for(rf"▌.*{job_id}")
    terminal.wait_for(r"\[/x\]\\x1b")
    terminal.press("enter")
    terminal.wait_for(rf"jobs > {job_id}")
    for pane in "2345":
        terminal.press(pane)
        terminal.until_quiet(0.1)
    terminal.wait_for("raw")
    terminal.press("esc")
    terminal.wait_for("/ to filter")
    terminal.press("x", "w", "t")  # refused, watched, cloned: each names the job
    terminal.wait_for("New export job")
    terminal.until_quiet(0.1)
    terminal.press("esc")
    terminal.wait_for("/ to filter")
    terminal.press("q")
    terminal.wait_ended()

    rest = GRAMMAR.sub("", terminal.raw.decode("utf-8"))
    found = OBEYED.search(rest)
    assert found is None, repr(rest[max(0, found.start() - 80) : found.end() + 40])
    assert "owned" in rest, "the names were on the screen, as text"


def hostile_job(world: World) -> str:
    """Let a job fail whose dataset, segment, and error are hostile."""
    sandbox = world.sandboxes["prod"]
    union = next(one.schema for one in sandbox.datasets.values() if one.on_union)
    dataset = world.create_dataset(sandbox, {"name": NAME, "description": NAME, "schemaRef": union})
    body = {
        "destination": {"datasetId": dataset.dataset_id},
        "schema": {"name": "_xdm.context.profile"},
        "filter": {"segments": [{"segmentId": SEGMENT, "segmentNs": NAME, "status": ["realized"]}]},
    }
    job = world.create_job(sandbox, body)
    error = {"code": NAME, "msg": MESSAGE, "message": MESSAGE, "callStack": MESSAGE}
    sandbox.shelf.change(replace(job, errors=(error,)))
    return str(job.job_id)
