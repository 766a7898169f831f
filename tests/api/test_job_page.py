"""A page read piece by piece is the page that the plain way reads, whatever the body."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_app.api.answer import Answer, read_json
from tui_app.api.errors import BadAnswerError
from tui_app.api.job_page import read_page
from tui_app.models.base import MalformedRecord
from tui_app.models.export_job import JobPage

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
records = st.dictionaries(st.sampled_from(["id", "status", "creationTime", "x", "link"]), values, max_size=4)
documents = st.dictionaries(
    st.sampled_from(["records", "children", "link", "_links", "page", "x"]),
    st.one_of(st.lists(records, max_size=60), st.lists(values, max_size=3), values),
    max_size=5,
)
ID = {"id": 1}
NEXT = {"next": "/export/jobs/?limit=2&offset=17_3"}


def plainly(body: bytes) -> JobPage | type[Exception]:
    try:
        return JobPage.parse(read_json(Answer(200, {}, body), what="x"))
    except (BadAnswerError, MalformedRecord) as error:
        return type(error)


def in_pieces(body: bytes) -> JobPage | type[Exception]:
    try:
        return asyncio.run(read_page(Answer(200, {}, body), what="x"))
    except (BadAnswerError, MalformedRecord) as error:
        return type(error)


def same(one: object, other: object) -> bool:
    return one == other or repr(one) == repr(other)  # NaN is not what it is


@settings(max_examples=150)
@given(document=documents | values, indent=st.sampled_from([None, 1]))
def test_it_is_what_the_plain_way_reads(document: Any, indent: int | None) -> None:
    body = json.dumps(document, indent=indent).encode()
    assert same(in_pieces(body), plainly(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b" { } ",
        b"[]",
        b"null",
        b'{"records": []}',
        b'{"records": [ ] , "link": {"next": ""}}',
        b'{"records": [{"id": 1},]}',
        b'{"records": [{"id": 1} {"id": 2}]}',
        b'{"records": [{"id": 1}]} x',
        b'{"records": [{"id": 1}',
        b'{"records": [{"id": 1}], "records": [{"id": 2}]}',
        b'{"records": [{"id": 1}], "children": [{"id": 2}]}',
        b'{"records": null, "children": [{"id": 2}]}',
        b'{"records": {"id": 1}}',
        b'{"records": [{"id": 1, "x": NaN}]}',
        b'\xef\xbb\xbf{"records": [{"id": 1}]}',
        '{"records": [{"id": 1}]}'.encode("utf-16"),
        b'{"records": [{"id": 1, "x": "\xff"}]}',
        b'{"records": [{"id": 1, "x": "\\ud800"}]}',
        b'{"records": [{"id": 1, "x": ' + b"[" * 198 + b"]" * 198 + b"}]}",
        b'{"records": [{"id": 1, "x": ' + b"[" * 199 + b"]" * 199 + b"}]}",
        b'{"records": [{"id": 1, "x": ' + b"[" * 9_000 + b"]" * 9_000 + b"}]}",
        b'{"records": [{"id": 1}], "x": ' + b"[" * 220 + b"]" * 220 + b"}",
        b'{"records": [{"id": 1, "x": "' + b"{[" * 90 + b'"}]}',
        b"<html>Sign in</html>",
    ],
)
def test_unusual_bodies_are_read_or_refused_alike(body: bytes) -> None:
    assert same(in_pieces(body), plainly(body))


@pytest.mark.parametrize(
    ("document", "likely"),
    [
        ({"records": [ID], "page": {}, "link": NEXT}, "17_3"),
        ({"records": [ID], "_links": {"next": {"href": "?offset=4"}}, "page": {"pageSize": 2}}, "4"),
        ({"link": NEXT, "records": [ID] * 500}, None),
        ({"records": [ID], "link": {"next": ""}}, None),
        ({"records": [ID]}, None),
        ({"records": [ID | {"link": NEXT}]}, None),
        ({"records": [ID], "note": 'say "link": {'}, None),
    ],
)
async def test_the_next_page_is_told_before_this_one_is_parsed(document: Any, likely: str | None) -> None:
    told: list[str | None] = []

    async def arrived(following: str | None) -> None:
        told.append(following)

    body = json.dumps(document).encode()
    page = await read_page(Answer(200, {}, body), what="x", arrived=arrived)
    assert told == [likely]
    assert likely in {None, page.next_offset}


async def test_others_get_their_turn_while_a_thousand_jobs_are_parsed() -> None:
    body = json.dumps({"records": [{"id": number} for number in range(1_000)]}).encode()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    page = await read_page(Answer(200, {}, body), what="x")
    counting.cancel()
    assert len(page.jobs) == 1_000
    assert turns >= 40
