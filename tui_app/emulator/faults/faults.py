"""Owns disturbances on demand: what goes wrong, on which calls, how many times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TYPE_CHECKING

from tui_app.emulator.answers import no_such_path

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui_app.clock import Clock


@dataclass(slots=True)
class Fault:
    """One disturbance: which calls meet it and what they get instead of, or on top of, the real answer.

    `method` and `path` are patterns with `*`; `after` calls pass first, then `times` calls meet it (None: for ever).
    `delay_s` waits on the platform's clock before all else. With `status`, the service is not reached and the answer
    is `body` (text, bytes, or a value sent as JSON) with `headers`; `html` makes it the HTML page of an unowned path.
    `truncate_at` lets the service act and cuts its body after so many bytes under the true Content-Length, and
    `lose_answer` lets it act and breaks off with no body at all: the caller cannot know that it acted.
    """

    path: str = "*"
    method: str = "*"
    times: int | None = 1
    after: int = 0
    status: int | None = None
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    delay_s: float = 0.0
    truncate_at: int | None = None
    lose_answer: bool = False
    met: int = field(default=0, init=False)

    def meets(self, method: str, path: str) -> bool:
        """Whether this call gets the fault; counts the call if it is one that the patterns name."""
        if self.times is not None and self.times <= 0:
            return False
        if not (fnmatchcase(method, self.method) and fnmatchcase(path, self.path)):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.met += 1
        return True

    def content(self) -> bytes:
        """Return the bytes of the answer that stands in for the real one."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body).encode()


class Faults:
    """The disturbances in force, first added first met; a call meets at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force and return it; its `met` says later how many calls met it."""
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """End every fault."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that this call meets, and count it."""
        return next((one for one in self._faults if one.meets(method, path)), None)


class FaultGate:
    """Stands before the services and does to a call what its fault says."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        fault = self._faults.take(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.delay_s > 0:
            await self._clock.sleep(fault.delay_s)
        if fault.html:
            await no_such_path()(scope, receive, send)
        elif fault.status is not None:
            await _stand_in(fault, send)
        elif fault.lose_answer or fault.truncate_at is not None:
            await self._cut(scope, receive, send, keep=0 if fault.lose_answer else fault.truncate_at or 0)
        else:
            await self._app(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send, *, keep: int) -> None:
        starts: list[MutableMapping[str, Any]] = []
        body = bytearray()

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, hold)
        start = starts[0]
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(max(len(body), keep + 1)).encode()))
        await send({**start, "status": _with_body(start["status"]), "headers": headers})
        await send({"type": "http.response.body", "body": bytes(body[:keep])})


def _with_body(status: int) -> int:
    """Return the status, or 200 in place of one that has no body to cut."""
    return HTTPStatus.OK if status == HTTPStatus.NO_CONTENT else status


async def _stand_in(fault: Fault, send: Send) -> None:
    content = fault.content()
    headers = {"content-type": "application/json", "content-length": str(len(content))}
    headers |= {name.lower(): value for name, value in fault.headers.items()}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})
