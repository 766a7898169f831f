"""Audiences, merge policies and unions as the emulator serves them in each of its dialects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from tests.api.support import client
from tests.support.clock import FakeClock
from tui_app.api.errors import UnauthorizedError
from tui_app.config import Secrets
from tui_app.emulator.app import Emulator
from tui_app.emulator.dialects import DIALECT_NAMES
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status
from tui_app.emulator.world.fields import paths
from tui_app.emulator.world.schemas import unions
from tui_app.models.catalog import PROFILE_UNION
from tui_app.models.field_paths import EVENT_UNION

if TYPE_CHECKING:
    from tui_app.api.client import AepClient
    from tui_app.models.audience import Audience


def connected(emulator: Emulator, *, limited: bool = False) -> AepClient:
    known = emulator.credentials
    account = known.limited if limited else known.full
    held = Secrets(SecretStr(account.client_secret), None, "AEPX_CLIENT_SECRET")
    return client(
        httpx.ASGITransport(emulator.app),
        FakeClock(),
        credentials=lambda: held,
        org_id=known.org_id,
        client_id=account.client_id,
        base_url="http://127.0.0.1:1",
        ims_url="http://127.0.0.1:1",
    )


def crowded(emulator: Emulator, size: int) -> None:
    """Give the sandbox so many audiences of the platform."""
    room = emulator.world.sandboxes["prod"].room
    first = next(one for one in room.audiences if one.is_definition)
    many = tuple(
        replace(first, segment_id=f"s{number}", platform_id=f"s{number}", name=f"Audience {number}")
        for number in range(size)
    )
    object.__setattr__(room, "audiences", many)


async def listed(aep: AepClient) -> list[Audience]:
    return [one async for page in aep.audiences.pages() for one in page.items]


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
async def test_every_audience_is_read_as_what_it_is(dialect: str) -> None:
    emulator = Emulator(FakeClock(), jobs=30, dialect=dialect)
    truth = {one.platform_id: one for one in emulator.world.sandboxes["prod"].room.audiences}
    found = {one.audience_id: one for one in await listed(connected(emulator))}
    assert found.keys() == truth.keys()
    for audience_id, one in found.items():
        true = truth[audience_id]
        assert (one.name, one.segment_id, one.segment_ns) == (true.name, true.segment_id, true.segment_ns)
        assert (one.lifecycle, one.merge_policy_id, one.profiles) == (true.lifecycle, true.policy_id, true.size)
        assert one.evaluation == ((true.evaluation,) if true.is_platform else ())


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
async def test_merge_policies_and_unions(dialect: str) -> None:
    emulator = Emulator(FakeClock(), jobs=5, dialect=dialect)
    aep = connected(emulator)
    policies = [one async for page in aep.merge_policies.pages() for one in page.items]
    truth = {one.policy_id: one for one in emulator.world.sandboxes["prod"].room.policies}
    assert {one.policy_id: (one.name, one.version, one.dataset_order, one.is_default) for one in policies} == {
        key: (one.name, one.version, one.order, one.is_default) for key, one in truth.items()
    }
    for schema_id, union in zip((PROFILE_UNION, EVENT_UNION), unions(), strict=True):
        fields = await aep.unions.fields(schema_id)
        assert [one.path for one in fields if not one.has_children] == list(paths(union.fields))


@pytest.mark.parametrize("dialect", ["seed", "mixed"])
async def test_thousands_of_audiences_come_in_pages(dialect: str) -> None:
    emulator = Emulator(FakeClock(), jobs=5, dialect=dialect)
    crowded(emulator, 1_234)
    found = await listed(connected(emulator))
    assert {one.audience_id for one in found} == {f"s{number}" for number in range(1_234)}
    assert len(found) == 1_234


async def test_definitions_stand_in_against_a_service_that_refuses_audiences() -> None:
    emulator = Emulator(FakeClock(), jobs=5)
    crowded(emulator, 250)
    emulator.faults.add(Fault(Status(403), path="/data/core/ups/audiences*"))
    found = await listed(connected(emulator))
    assert len({one.audience_id for one in found}) == 250


async def test_an_account_without_rights_is_told_so() -> None:
    with pytest.raises(UnauthorizedError) as caught:
        await listed(connected(Emulator(FakeClock(), jobs=5), limited=True))
    assert "permission" in f"{caught.value.cause} {caught.value.next_step}".lower()
