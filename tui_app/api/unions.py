"""Owns the call that reads a union schema, and taking it apart into fields (API reference 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.api.answer import read_json
from tui_app.api.errors import BadAnswerError, NotFoundError
from tui_app.api.origin import path_segment
from tui_app.clock import give_way
from tui_app.models.field_paths import walk

if TYPE_CHECKING:
    from tui_app.api.session import Session
    from tui_app.models.field_paths import FieldPath

_PATH: Final = "/data/foundation/schemaregistry/tenant/unions"
_RESOLVED: Final = "application/vnd.adobe.xed-full+json; version=1"
_NAMESPACE: Final = "https://ns.adobe.com/"
_AT_ONCE: Final = 200  # fields: about a millisecond


class Unions:
    """Read what fields the union of all schemas of a class has."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def fields(self, schema_id: str) -> tuple[FieldPath, ...]:
        """Return all fields of a union in tree order; none where the sandbox has no such union.

        Gives way to the loop after every few fields, of which there may be ten thousand.

        Args:
            schema_id: such as `catalog.PROFILE_UNION`.

        Raises:
            BadAnswerError: the answer is no schema.
            ApiError: see `errors`.
        """
        what = f"The fields of {schema_id.rpartition('/')[2]} could not be read."
        raw = await self._schema(schema_id, what)
        if raw is None:
            return ()
        if not isinstance(raw, dict) or not (isinstance(raw.get("properties"), dict) or raw.get("$id")):
            raise BadAnswerError(
                what, cause="The answer is no schema.", next_step="Check base_url, and look at the log."
            )
        found: list[FieldPath] = []
        for number, field in enumerate(walk(raw), 1):
            found.append(field)
            if number % _AT_ONCE == 0:
                await give_way()
        return tuple(found)

    async def _schema(self, schema_id: str, what: str) -> object:
        """Return the schema, None where there is none.

        Asked for by its short id first: proxies treat the quoted slashes of the other as they like.
        """
        for name in (_short(schema_id), schema_id):
            try:
                answer = await self._session.send(
                    "GET", f"{_PATH}/{path_segment(name)}", what=what, more_headers={"Accept": _RESOLVED}
                )
            except NotFoundError:
                continue
            return read_json(answer, what=what)
        return None


def _short(schema_id: str) -> str:
    """Return the id as the registry abbreviates it: `_xdm.context.profile__union`."""
    return "_" + schema_id.removeprefix(_NAMESPACE).replace("/", ".")
