"""Gives the scripted platform lists to choose from: audiences, merge policies and unions, in pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tui_app.models.audience import Audience
from tui_app.models.field_paths import FieldPath, field_paths
from tui_app.models.list_page import ListPage
from tui_app.models.merge_policy import MergePolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tests.support.engines import FakePlatform

Json = dict[str, Any]


class FakeLists:
    """What a `FakePlatform` has to choose from; a test may change it at any time.

    Calls are named `audiences.pages`, `merge_policies.pages`, one for each page with the page's number, and
    `unions.fields` with the schema's id: `FakePlatform.fail` and `hold` know them by these names.

    Attributes:
        audiences: records by id.
        policies: records by id.
        schemas: resolved schemas by id.
        page: how many of a list an answer has.
    """

    def __init__(self, platform: FakePlatform, *, page: int = 100) -> None:
        self.page = page
        self.audiences: dict[str, Json] = {}
        self.policies: dict[str, Json] = {}
        self.schemas: dict[str, Json] = {}
        self.remark = ""
        self.tells_total = True
        self._platform = platform
        self._held: dict[tuple[str, object], asyncio.Event] = {}
        for name, offered in (
            ("audiences", _Pages(self, "audiences.pages", lambda: self.audiences, Audience.parse)),
            ("merge_policies", _Pages(self, "merge_policies.pages", lambda: self.policies, MergePolicy.parse)),
            ("unions", _Unions(self)),
        ):
            setattr(platform, name, offered)

    def put_audiences(self, *ids: str) -> None:
        """Add audiences, each named after its id."""
        self.audiences |= {one: {"id": one, "name": f"Audience {one}"} for one in ids}

    def hold(self, call: str, argument: object) -> asyncio.Event:
        """Keep one call waiting, such as that of page 1, until the returned event is set."""
        return self._held.setdefault((call, argument), asyncio.Event())

    async def begin(self, call: str, argument: object) -> None:
        """Note a call, and fail or wait as the test has scripted."""
        if (held := self._held.get((call, argument))) is not None:
            await held.wait()
        await self._platform.begin(call, argument)


class _Pages:
    def __init__(
        self, lists: FakeLists, call: str, records: Callable[[], dict[str, Json]], parse: Callable[[object], Any]
    ) -> None:
        self._lists = lists
        self._call = call
        self._records = records
        self._parse = parse

    async def pages(self) -> AsyncGenerator[ListPage[Any], None]:
        lists, number = self._lists, 0
        while True:
            await lists.begin(self._call, number)
            records = list(self._records().values())
            start = number * lists.page
            yield ListPage(
                items=tuple(map(self._parse, records[start : start + lists.page])),
                total=len(records) if lists.tells_total else None,
                remark=lists.remark,
            )
            number += 1
            if number * lists.page >= len(records):
                return


class _Unions:
    def __init__(self, lists: FakeLists) -> None:
        self._lists = lists

    async def fields(self, schema_id: str) -> tuple[FieldPath, ...]:
        await self._lists.begin("unions.fields", schema_id)
        return field_paths(self._lists.schemas.get(schema_id, {}))
