"""Owns disturbances on demand: which calls meet which fault, when, how often; and the gate where they are met."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import format_datetime
from fnmatch import fnmatchcase
from functools import partial
from string import ascii_uppercase
from typing import TYPE_CHECKING, ClassVar

from tui_app.emulator.chance import Chance
from tui_app.emulator.faults.effect import Effect, Group, Meeting, Tools
from tui_app.emulator.faults.keys import BadKeyError, Key, amount, checked, figure, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FAULTS_MOST = 1_000
UNDISTURBED = "/emulator"
"""The path at and below which no call meets a fault: the control endpoint's."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_COUNT_MOST = 10**9
_METHOD_MOST = 20
_PATH = re.compile(r"[/*][^\x00-\x20\x7f?]{0,499}", re.ASCII)
_WINDOW_MOST_S = 3_660 * 86_400


@dataclass(slots=True)
class Fault:
    """One disturbance: what happens, and which calls meet it.

    `method` and `path` are patterns with `*`, the path without its query. Of the calls that they name, those count
    that come from `from_s` until `until_s`, in the platform's seconds since it began; `after` of these pass first,
    of the rest each is met with `probability`, until `times` were met (None: always). The draws depend on nothing
    but the platform's seed, the fault's number, and how many calls counted before.

    Raises:
        BadKeyError: a value means nothing.
    """

    effect: Effect
    path: str = "*"
    method: str = "*"
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    from_s: float = 0.0
    until_s: float | None = None
    number: int = field(default=0, init=False)
    named: int = field(default=0, init=False)
    met: int = field(default=0, init=False)

    keys: ClassVar[Mapping[str, Key]] = {
        "path": Key(
            'a path such as "/data/core/ups/export/jobs*" or "*/batches/*", '
            f"and none below {UNDISTURBED}, which no fault disturbs",
            lambda value: isinstance(value, str) and _is_path(value),
        ).saying("calls of this path, without the query; * is anything"),
        "method": Key(
            f"one of {', '.join(METHODS)}, in capitals, or a pattern with * for some of them",
            lambda value: isinstance(value, str) and _is_method(value),
        ).saying("calls of this method; * is anything"),
        "times": whole(1, _COUNT_MOST).saying("this many calls meet it, then it is spent; without it there is no end"),
        "after": whole(0, _COUNT_MOST).saying("this many calls pass first"),
        "probability": amount(0, 1, above=True).saying("of the calls left, the share that meets it"),
        "from_s": amount(0, _WINDOW_MOST_S).saying("only calls from then on, in seconds of the platform's time"),
        "until_s": amount(0, _WINDOW_MOST_S, above=True).saying("only calls before then, in the same seconds"),
    }

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        checked(self, self.keys)
        if self.until_s is not None and self.until_s <= self.from_s:
            raise BadKeyError("until_s", f"must be later than from_s, which is {figure(self.from_s)}")

    @property
    def is_spent(self) -> bool:
        """Whether no call will meet it any more, however late."""
        return self.times is not None and self.met >= self.times

    def meets(self, method: str, path: str, *, at_s: float, seed: int) -> bool:
        """Whether this call gets the fault; counts the call if it is one that counts."""
        if self.is_spent or not (fnmatchcase(method, self.method) and fnmatchcase(path, self.path)):
            return False
        if at_s < self.from_s or (self.until_s is not None and at_s >= self.until_s):
            return False
        self.named += 1
        if self.named <= self.after:
            return False
        if self.probability < 1 and Chance(seed, "fault", self.number, self.named).fraction() >= self.probability:
            return False
        self.met += 1
        return True


def _is_path(value: str) -> bool:
    is_undisturbed = value == UNDISTURBED or value.startswith((f"{UNDISTURBED}/", f"{UNDISTURBED}*"))
    return _PATH.fullmatch(value) is not None and not is_undisturbed


def _is_method(value: str) -> bool:
    is_pattern = set(value) <= {*ascii_uppercase, "*"} and 0 < len(value) <= _METHOD_MOST
    return is_pattern and any(fnmatchcase(one, value) for one in METHODS)


class Faults:
    """The disturbances in force; `together` says what comes of several that name the same call."""

    together: ClassVar[str] = (
        "When several faults fit one call, it meets at most one of each group below, the one that was added first; "
        "each count besides. So a late answer can be a 503 with a wrong length. A fault does not count the calls that "
        "another of its group took: of two faults with status the second comes when the first is spent, is outside "
        "its window, or was passed by its probability. They act in the order of the groups, on what the one before "
        "them left of the answer."
    )

    def __init__(self, *, seed: int = 1) -> None:
        self._seed = seed
        self._faults: list[Fault] = []
        self._added = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force and return it, numbered; its `met` says later how many calls met it.

        Raises:
            ValueError: there are too many.
        """
        if len(self._faults) >= FAULTS_MOST:
            raise ValueError(f"There are {FAULTS_MOST} faults already: remove some first.")
        self._added += 1
        fault.number = self._added
        self._faults.append(fault)
        return fault

    def get(self, number: int) -> Fault | None:
        """Return the fault of this number; None when there is none, or no longer."""
        return next((one for one in self._faults if one.number == number), None)

    def remove(self, number: int) -> bool:
        """End one fault; False when there is none of this number."""
        fault = self.get(number)
        if fault is not None:
            self._faults.remove(fault)
        return fault is not None

    def clear(self) -> None:
        """End every fault."""
        self._faults.clear()

    def take(self, method: str, path: str, *, at_s: float) -> list[Fault]:
        """Return the faults that this call meets, the innermost first, and count them."""
        if not self._faults:
            return []
        taken: dict[Group, list[Fault]] = {}
        for one in tuple(self._faults):
            group = one.effect.group
            if (group is Group.COUNT or group not in taken) and one.meets(method, path, at_s=at_s, seed=self._seed):
                taken.setdefault(group, []).append(one)
        return [one for group in _INSIDE_OUT for one in taken.get(group, ())]

    def draws(self, fault: Fault) -> Chance:
        """Return what the fault draws from for the call that has just met it."""
        return Chance(self._seed, "fault-content", fault.number, fault.met)


_INSIDE_OUT = (Group.ANSWER, Group.CONTENT, Group.BYTES, Group.CONNECTION)


class FaultGate:
    """Stands before the services and does to a call what its faults say; it also dates every answer.

    `since_s` gives the platform's seconds since it began, `served` says how many calls came.
    """

    def __init__(self, app: ASGIApp, faults: Faults, tools: Tools, *, since_s: Callable[[], float]) -> None:
        self._app = app
        self._faults = faults
        self._tools = tools
        self._since_s = since_s
        self._date = (0.0, b"")
        self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self.served += 1
        app, taken = self._app, self._faults.take(scope["method"], scope["path"], at_s=self._since_s())
        if taken and taken[0].effect.group is Group.ANSWER:
            app = partial(self._meet, taken.pop(0), app)
        app = partial(self._dated, app)
        for fault in taken:
            app = partial(self._meet, fault, app)
        await app(scope, receive, send)

    async def _meet(self, fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await fault.effect.act(Meeting(app, scope, receive, send, self._tools, self._faults.draws(fault)))

    async def _dated(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an answer say when it was made, whoever made it; what acts on its bytes may say otherwise."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start" and all(name != b"date" for name, _ in message["headers"]):
                message = {**message, "headers": [*message["headers"], (b"date", self._now())]}
            await send(message)

        await app(scope, receive, dated)

    def _now(self) -> bytes:
        now: datetime = self._tools.now()
        second = now.timestamp() // 1
        if self._date[0] != second:
            self._date = (second, format_datetime(now, usegmt=True).encode("ascii"))
        return self._date[1]
