"""Owns a response as it was read, and the JSON document in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from tui_app.api.errors import BadAnswerError
from tui_app.api.problem import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

DEEPEST_ANSWER = 201  # what the reader of pages bears, pydantic's
_HIDDEN = "***"
_SHORTEST_SECRET = 8
_CONTAINERS = frozenset({dict, list})  # the JSON reader makes no others, and exact types are quicker to tell


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read to its end or to the cap. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the definition itself

    def without(self, secret: str) -> Answer:
        """Return the answer with a credential that the other side echoed made unreadable."""
        if len(secret) < _SHORTEST_SECRET:
            return self  # no real one is, and replacing a common word would damage honest answers
        headers, body = dict(self.headers), self.body
        for spelling in {secret, quote_plus(secret)}:
            headers = {name: value.replace(spelling, _HIDDEN) for name, value in headers.items()}
            body = body.replace(spelling.encode(), _HIDDEN.encode())
        return replace(self, headers=headers, body=body)


def read_json(answer: Answer, *, what: str, mutating: bool = False) -> Any:
    """Return the JSON document of a success. A byte order mark, NaN and repeated keys are let pass.

    Raises:
        BadAnswerError: the body is no JSON (the first 200 characters are shown), or nests too deep.
    """
    reason = ""
    try:
        document = json.loads(answer.body)
    except RecursionError:
        reason = f"The answer nests deeper than {DEEPEST_ANSWER} levels."
    except ValueError:
        reason = _not_json(answer)
    else:
        if not is_deep(document):
            return document
        reason = f"The answer nests deeper than {DEEPEST_ANSWER} levels."
    raise BadAnswerError(
        what,
        cause=reason,
        next_step="Look whether it had its effect before you send it again."
        if mutating
        else "Check base_url; a proxy or a sign-in page on the way may have answered instead.",
        ambiguous=mutating,
    )


def _not_json(answer: Answer) -> str:
    if not answer.body.strip():
        return f"The answer {answer.status} is empty where JSON was expected."
    kind = excerpt(answer.headers.get("content-type", "")).partition(";")[0] or "no type"
    start = excerpt(answer.body[:2000].decode("utf-8", "replace"))
    return f"The answer {answer.status} is not JSON ({kind}): {start}"


def is_deep(document: object) -> bool:
    """Tell whether containers nest too deep for code that walks them recursively; level by level, no recursion."""
    level: list[Any] = [document] if type(document) in _CONTAINERS else []
    for _ in range(DEEPEST_ANSWER):
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)
            if type(item) in _CONTAINERS
        ]
        if not level:
            return False
    return True
