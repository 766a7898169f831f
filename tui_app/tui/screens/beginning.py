"""Owns how a new job begins: asks for the starting point, reads it, and says what a person should know of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_app.config.templates import TemplateError
from tui_app.models.export_request import ExportRequest
from tui_app.models.template import fill
from tui_app.tui.screens.paste_body import PasteBody
from tui_app.tui.screens.templates import Start, StartingPoint

if TYPE_CHECKING:
    from datetime import datetime

    from tui_app.models.curl_text import Pasted
    from tui_app.tui.screens.host import HostApp


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the form of a job begins with.

    Attributes:
        request: times as typed.
        origin: where it is from, as in "template nightly"; "" for the empty form. May hold hostile text.
        remarks: sentences to be read before it is sent.
    """

    request: ExportRequest = field(default_factory=lambda: ExportRequest(dataset_id=""))
    origin: str = ""
    remarks: tuple[str, ...] = ()


async def has_templates(app: HostApp) -> bool:
    """Tell whether there is more to begin from than the empty form."""
    try:
        return bool(await asyncio.to_thread(app.templates.names))
    except TemplateError:
        return True  # the dialog says what is wrong with them


async def ask_beginning(app: HostApp) -> Beginning | None:
    """Let the person choose what to begin from, None where they went back; only inside a worker.

    Raises:
        TemplateError: the template cannot be read any more.
    """
    while True:
        start = await app.push_screen_wait(StartingPoint(app.templates, now=_now(app)))
        if start is None or start.kind == "empty":
            return None if start is None else Beginning()
        if start.kind == "template":
            return await _from_template(app, start)
        pasted = await app.push_screen_wait(PasteBody())
        if pasted is not None:
            return _from_paste(app, pasted)


async def _from_template(app: HostApp, start: Start) -> Beginning:
    template = await asyncio.to_thread(app.templates.read, start.name)
    filled = fill(template.body, now=_now(app))
    remarks = tuple(f"{one.field} {one.cause} {one.remedy}" for one in filled.findings)
    return Beginning(filled.request or ExportRequest(dataset_id=""), f"template {start.name}", remarks)


def _from_paste(app: HostApp, pasted: Pasted) -> Beginning:
    session = app.engine.session
    strangers = pasted.strangers(org_id=session.connection.org_id, sandbox_name=session.sandbox_name)
    return Beginning(ExportRequest.from_body(pasted.body), "what was pasted", (*strangers, *pasted.remarks))


def _now(app: HostApp) -> datetime:
    """Return the clock's moment in the machine's zone: days are meant so."""
    return app.engine.clock.now().astimezone()
