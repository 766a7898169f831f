"""The field outline, and the two unions: their size, their depth, and that schemas add up to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_app.emulator.world.fields import Field, outline, paths
from tui_app.emulator.world.schemas import EVENT_CLASS, PROFILE_CLASS, schemas, unions
from tui_app.emulator.world.union import EVENT, PROFILE, TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator


def everything(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from everything(field.fields)
        if field.item is not None:
            yield from everything((field.item,))


@pytest.mark.parametrize(
    ("union", "wanted"),
    [
        (
            PROFILE,
            "identityMap segmentMembership personalEmail.address homeAddress.city mobilePhone.number loyalty.tier",
        ),
        (
            EVENT,
            "_id timestamp eventType environment.browserDetails.version web.webPageDetails.URL productListItems.SKU",
        ),
    ],
)
def test_a_union_has_the_size_and_depth_of_a_real_one(union: tuple[Field, ...], wanted: str) -> None:
    found = list(paths(union))
    assert len(found) == len(set(found)) >= 300
    assert set(wanted.split()) <= set(found)
    assert max(path.count(".") + 1 for path in found) == 6
    assert max(map(len, found)) > 80
    assert sum(path.startswith(f"_{TENANT}.") for path in found) >= 20
    kinds = {field.kind for field in everything(union)}
    assert kinds == {"string", "integer", "number", "boolean", "date", "date-time", "object", "array", "map"} - (
        set() if union is PROFILE else {"date"} - kinds
    )
    assert any(field.choices for field in everything(union))
    assert any(field.item is not None and field.item.fields for field in everything(union) if field.kind == "array")


@pytest.mark.parametrize("union", [PROFILE, EVENT])
def test_every_field_is_well_formed(union: tuple[Field, ...]) -> None:
    for field in everything(union):
        assert bool(field.fields) == (field.kind == "object"), field.name
        assert (field.item is not None) == (field.kind in ("array", "map")), field.name
        assert not field.choices or (field.kind == "string" and len(set(field.choices)) == len(field.choices))
        names = [inner.name for inner in field.fields]
        assert len(names) == len(set(names)), field.name
    assert all(field.title for field in everything(union) if field.name)


def test_an_outline_reads_what_it_says() -> None:
    groups = {"place": outline("latitude number\nlongitude number")}
    found = outline(
        """
        customerID = Customer key
        status open|closed
        home &place
            floor integer
        mails[] @email
        map{}[]
            code
        countOfURLsSeenIn30Days integer
        """,
        groups,
    )
    number = (Field("latitude", "number", "Latitude"), Field("longitude", "number", "Longitude"))
    assert found == (
        Field("customerID", "string", "Customer key"),
        Field("status", "string", "Status", choices=("open", "closed")),
        Field("home", "object", "Home", fields=(*number, Field("floor", "integer", "Floor"))),
        Field("mails", "array", "Mails", item=Field("", "string", form="email")),
        Field(
            "map",
            "map",
            "Map",
            item=Field("", "array", item=Field("", "object", fields=(Field("code", "string", "Code"),))),
        ),
        Field("countOfURLsSeenIn30Days", "integer", "Count of urls seen in 30 days"),
    )
    assert list(paths(found)) == [
        "customerID",
        "status",
        "home.latitude",
        "home.longitude",
        "home.floor",
        "mails",
        "map",
        "countOfURLsSeenIn30Days",
    ]


@pytest.mark.parametrize("line", ["a b c", "9name", "name colour", "name &nothing", "name[", "name  string"])
def test_an_outline_refuses_what_it_cannot_read(line: str) -> None:
    with pytest.raises(ValueError, match=r"Not a field|No kind|No group"):
        outline(line)


def test_schemas_add_up_to_their_unions() -> None:
    for union, fields in zip(unions(), (PROFILE, EVENT), strict=True):
        members = [one for one in schemas() if one.class_id == union.class_id and one.in_union]
        assert len(members) >= 5
        assert {field.name for one in members for field in one.fields} == {field.name for field in fields}
        assert {part for one in members for part in one.parts} == set(union.parts)
        assert {one.schema_id for one in members} <= set(union.extends)
    assert {one.class_id for one in unions()} == {PROFILE_CLASS, EVENT_CLASS}
    ids = [one.schema_id for one in (*schemas(), *unions())]
    assert len(ids) == len(set(ids))
    assert len({one.age_ms for one in schemas()}) == len(schemas())
    assert any(one.class_id == PROFILE_CLASS and not one.in_union for one in schemas())
