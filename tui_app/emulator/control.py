"""Owns the control endpoint: looking at the emulator and steering it while it runs, for those who have its token."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request

from tui_app.emulator.answers import json_answer, parse_json
from tui_app.emulator.faults.document import DocumentError, described, fault, script, scripted
from tui_app.emulator.faults.faults import UNDISTURBED
from tui_app.emulator.faults.keys import BadKeyError, Key, amount, shown
from tui_app.emulator.gateway import BODY_CAP
from tui_app.emulator.world.time import FASTEST, LONGEST_STEP_S, SLOWEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tui_app.emulator.credentials import Credentials
    from tui_app.emulator.faults.faults import Faults
    from tui_app.emulator.world.time import PlatformTime
    from tui_app.emulator.world.world import World

PREFIX = UNDISTURBED
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_TIME = {
    "pause": Key("true or false", lambda value: isinstance(value, bool)),
    "step_s": amount(0, LONGEST_STEP_S, above=True),
    "speed": amount(SLOWEST, FASTEST),
}
_WHOLE_MOST = 15
_METHODS = ("GET", "POST", "DELETE")


class _ControlError(Exception):
    """A call that cannot be carried out; the answer names the key and the next step."""

    def __init__(self, status: int, error: str, next_step: str, *, key: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "next": next_step} | ({"key": key} if key is not None else {})


@dataclass(frozen=True, slots=True)
class Steered:
    """What can be looked at and steered; `served` says how many calls the platform was sent."""

    time: PlatformTime
    world: World
    credentials: Credentials
    faults: Faults
    served: Callable[[], int]


class Control:
    """Answers below `/emulator` to those who send `token` as Bearer; every other path goes on to the platform.

    It stands before the faults, so that nothing it does can lock its caller out, and asks for no header of Adobe's.
    """

    def __init__(self, app: ASGIApp, steered: Steered) -> None:
        self._app = app
        self._steered = steered
        self.token = secrets.token_urlsafe(24)
        self._routes: Mapping[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
            ("GET", "/state"): self._state,
            ("GET", "/faults"): self._list_faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/time"): self._set_time,
            ("GET", "/jobs"): self._list_scripts,
            ("POST", "/jobs"): self._add_script,
            ("DELETE", "/jobs"): self._clear_scripts,
            ("POST", "/tokens/revoke"): self._revoke,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await self._app(scope, receive, send)
            return
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            self._let_in(request)
            body = await _body(request)
            return json_answer(self._carry_out(request, body))
        except _ControlError as error:
            return json_answer(error.body, status=error.status)
        except ClientDisconnect:
            return json_answer({}, status=400)  # nobody is there to read it

    def _let_in(self, request: Request) -> None:
        sent = _BEARER.fullmatch(request.headers.get("authorization", ""))
        if sent is None or not secrets.compare_digest(sent[1].encode(), self.token.encode()):
            raise _ControlError(
                401,
                "The control endpoint needs its own token",
                'Send "Authorization: Bearer TOKEN" with control.token of the ready line.',
            )

    def _carry_out(self, request: Request, body: Any) -> dict[str, Any]:
        path = _path(request).removeprefix(PREFIX).rstrip("/")
        kind, _, number = path.rpartition("/")
        if kind == "/faults":
            return self._one_fault(request.method, number)
        handler = self._routes.get((request.method, path))
        if handler is not None:
            return handler(body)
        methods = [method for method in _METHODS if (method, path) in self._routes]
        if methods:
            raise _no_method(request.method, methods)
        known = ", ".join(f"{method} {PREFIX}{known}" for method, known in self._routes)
        raise _ControlError(404, f"There is nothing at {shown(_path(request))}", f"Use one of: {known}.")

    def _state(self, _: Any) -> dict[str, Any]:
        steered = self._steered
        time, world = steered.time, steered.world
        world.now_ms()  # lets the jobs arrive that are due
        return {
            "time": time.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "paused": time.is_paused,
            "ahead_s": _seconds(time.ahead_s),
            "since_s": _seconds(time.now().timestamp() - world.started_ms / 1000),
            "speed": world.speed,
            "jobs_in_memory": sum(sandbox.shelf.held for sandbox in world.sandboxes.values()),
            "scripts": len(world.scripts),
            "tokens": steered.credentials.valid_tokens,
            "requests": steered.served(),
            "faults": [described(one) for one in steered.faults],
        }

    def _list_faults(self, _: Any) -> dict[str, Any]:
        return {"faults": [described(one) for one in self._steered.faults]}

    def _add_fault(self, body: Any) -> dict[str, Any]:
        made = _read(fault, body, "fault")
        try:
            return described(self._steered.faults.add(made))
        except ValueError as error:
            raise _ControlError(409, str(error), f"Send DELETE {PREFIX}/faults, or with the id of one.") from None

    def _clear_faults(self, _: Any) -> dict[str, Any]:
        count = len(self._steered.faults)
        self._steered.faults.clear()
        return {"removed": count}

    def _one_fault(self, method: str, text: str) -> dict[str, Any]:
        known = ", ".join(str(one.number) for one in self._steered.faults) or "none at all"
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= _WHOLE_MOST else -1
        found = self._steered.faults.get(number)
        if found is None:
            raise _ControlError(404, f"There is no fault {shown(text)}", f"The ids in force are: {known[:500]}.")
        if method == "GET":
            return described(found)
        if method != "DELETE":
            raise _no_method(method, ["GET", "DELETE"])
        self._steered.faults.remove(number)
        return {"removed": 1}

    def _set_time(self, body: Any) -> dict[str, Any]:
        keys = _keys(body, tuple(_TIME))
        for name, value in keys.items():
            try:
                _TIME[name].check(name, value)
            except BadKeyError as error:
                raise _wrong(name, error.cause) from None
        time, world = self._steered.time, self._steered.world
        if "step_s" in keys:
            try:
                time.step(keys["step_s"])  # first, for it may still be refused, and then nothing has changed
            except ValueError as error:
                raise _wrong("step_s", f"cannot be {shown(keys['step_s'])}. {error}") from None
        if "speed" in keys:
            world.set_speed(keys["speed"])
        if "pause" in keys:
            (time.pause if keys["pause"] else time.resume)()
        return {name: value for name, value in self._state(None).items() if name != "faults"}

    def _add_script(self, body: Any) -> dict[str, Any]:
        made = _read(script, body, "job")
        try:
            self._steered.world.script(made)
        except ValueError as error:
            raise _ControlError(409, str(error), f"Send DELETE {PREFIX}/jobs to forget those that wait.") from None
        return scripted(made, made.times)

    def _list_scripts(self, _: Any) -> dict[str, Any]:
        return {"scripts": [scripted(one, left) for one, left in self._steered.world.scripts]}

    def _clear_scripts(self, _: Any) -> dict[str, Any]:
        count = len(self._steered.world.scripts)
        self._steered.world.clear_scripts()
        return {"removed": count}

    def _revoke(self, body: Any) -> dict[str, Any]:
        keys = _keys(body, ("token",), empty=True)
        if "token" in keys and not isinstance(keys["token"], str):
            raise _wrong("token", f"must be the text of a token, not {shown(keys['token'])}")
        known = self._steered.credentials
        before = known.valid_tokens
        known.revoke(keys.get("token"))
        return {"revoked": before - known.valid_tokens}


def _path(request: Request) -> str:
    """Return the path; `request.url` would read the Host header, which may be anything."""
    return str(request.scope["path"])


async def _body(request: Request) -> Any:
    """Return the body as JSON; None when there is none."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > BODY_CAP:
            raise _ControlError(413, f"The body is larger than {BODY_CAP} bytes", "Send less.")
    if not bytes(parts).strip():
        return None
    try:
        return parse_json(bytes(parts))
    except ValueError as error:
        raise _ControlError(
            HTTPStatus.BAD_REQUEST, f"The body is not JSON: {ascii(str(error))[1:-1][:120]}", "Send a JSON object."
        ) from None


def _keys(body: Any, known: tuple[str, ...], *, empty: bool = False) -> dict[str, Any]:
    """Return the body as an object that has no keys but `known`, and one of them unless it may be `empty`."""
    keys = {} if body is None else _object(body)
    if not keys and not empty:
        raise _ControlError(400, f"The body has none of the keys {', '.join(known)}", "Send a JSON object with one.")
    for key in keys:
        if key not in known:
            raise _wrong(key, f"is not a key here; the keys are {', '.join(known)}")
    return keys


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _ControlError(400, f"The body must be a JSON object, not {shown(body)}", "Correct it and send it again.")
    found: dict[str, Any] = body
    return found


def _read(read: Callable[[Any], Any], body: Any, table: str) -> Any:
    """Return what `read` makes of the keys that a file has below `[[table]]`."""
    if table in _object({} if body is None else body):
        hint = f"Send what is inside one [[{table}]] of a file, as an object of its own; one call for each."
        raise _ControlError(400, f"{table} is the name of a table in a file, and no key here", hint, key=table)
    try:
        return read({} if body is None else body)
    except DocumentError as error:
        raise _wrong(".".join(error.path), error.cause) from None


def _seconds(value: float) -> float:
    return round(value, 3) + 0.0  # which makes a plain zero of one that has a sign


def _no_method(method: str, known: Sequence[str]) -> _ControlError:
    listed = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
    return _ControlError(405, f"{method} means nothing here", f"Use {listed}.")


def _wrong(key: str, cause: str) -> _ControlError:
    name = key if key.isascii() and key.isprintable() else shown(key)
    return _ControlError(
        400, f"{name or 'The body'} {cause}"[:2_000], "Correct it and send it again.", key=name or None
    )
