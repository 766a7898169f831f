"""Owns what one export holds: the columns that its job asks for, as a SELECT over people's numbers (API reference 4.5).

A person is a number; all that is told of it is drawn from that number, so exports of one sandbox agree with each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui_app.emulator.chance import Chance
from tui_app.emulator.data import words
from tui_app.emulator.data.parquet import quoted
from tui_app.emulator.data.values import PERSON_SEED, Draw, crm_id, email, listed, text, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_app.emulator.data.columns import Columns
    from tui_app.emulator.data.members import Membership, Run
    from tui_app.emulator.world.fields import Field

_EMAIL_OF_FIVE = 3  # so many of five people in a row have an e-mail address, all have a customer number
EVENTS = "timeSeriesEvents"
_DAY_MS = 86_400_000
EVENT_DAYS = 90  # older events have expired
_SLOT_MS = 9 * _DAY_MS  # a person has at most one event in each span of this length
_EVENT_SHARE = 5  # and has one in every fifth of them
_LATELY_DAYS = 92  # a person's own dates lie before the oldest export
_SPECIAL = {
    "identityMap": 'MAP(VARCHAR, STRUCT(id VARCHAR, "primary" BOOLEAN)[])',
    "segmentMembership": ('MAP(VARCHAR, MAP(VARCHAR, STRUCT("lastQualificationTime" TIMESTAMP, "status" VARCHAR)))'),
}

_ALL = 1_000
# Of so many people, how many have the group of fields at all; groups that are not named have few or many by their path.
_PRESENT: Mapping[str, int] = {
    "_id": 1000,
    "_repo": 1000,
    "_repo.createDate": 1000,
    "_repo.modifyDate": 1000,
    "person": 980,
    "person.name": 1000,
    "person.name.firstName": 990,
    "person.name.lastName": 985,
    "person.name.fullName": 985,
    "person.birthDate": 720,
    "person.gender": 600,
    "personalEmail.address": 1000,
    "homeAddress": 700,
    "mobilePhone": 550,
    "mobilePhone.number": 1000,
    "consents": 900,
    "consents.marketing": 1000,
    "consents.marketing.email": 850,
    "loyalty": 450,
    "loyalty.tier": 1000,
    "loyalty.points": 1000,
    "_emulated": 950,
    "_emulated.crmID": 1000,
    "_emulated.customerKey": 1000,
    "isDeleted": 60,
    "testProfile": 300,
    f"{EVENTS}._id": 1000,
    f"{EVENTS}.timestamp": 1000,
    f"{EVENTS}.eventType": 1000,
    f"{EVENTS}.environment": 900,
    f"{EVENTS}.productListItems": 1000,
    f"{EVENTS}.segmentMembership": 100,
}
_SHARES = (980, 850, 500, 200, 40)
_ALWAYS = frozenset({"val", "address", "city", "countryCode", "country", "number", "id", "code", "amount", "name"})


@dataclass(frozen=True, slots=True)
class Window:
    """Times from `low_ms` to `high_ms`, both included."""

    low_ms: int
    high_ms: int


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of one batch as SQL: who, which columns, between which times; all that is random comes from `seed`.

    `before_ms` is when the world began: a person's own dates lie some time before it. `events` bounds the events.
    `withheld` names columns that are null for everybody: the merge policy leaves out what only some datasets know.
    """

    seed: int
    sandbox: str
    columns: Columns
    withheld: frozenset[str]
    runs: tuple[Run, ...]
    memberships: tuple[Membership, ...]
    before_ms: int
    events: Window

    def select(self, first: int, count: int) -> str:
        """Return the SELECT of `count` rows from row number `first` of the batch on."""
        seed = int(Chance(self.seed, "people", self.sandbox).hex(15), 16)
        people = " UNION ALL ".join(f"FROM range({low},{high})" for low, high in self._people(first, count))
        before = self.before_ms - _LATELY_DAYS * _DAY_MS
        draw = Draw(PERSON_SEED, "", f"{before}::BIGINT")
        shown = [f"{self._column(one, draw.of(one.name))} AS {quoted(one.name)}" for one in self.columns.profile]
        if self.columns.events:
            shown.append(f"{self._events(draw)} AS {quoted(EVENTS)}")
        return (
            f"WITH who(p) AS ({people}), "  # noqa: S608 - what comes from outside has gone through `text`
            f"seeded AS (SELECT p, hash(xor(hash(p),{seed}::UBIGINT)) {PERSON_SEED} FROM who), "
            f"drawn AS (SELECT p, h, {draw.of('country').below(len(words.COUNTRIES))} k FROM seeded) "
            f"SELECT {', '.join(shown)} FROM drawn"
        )

    def _people(self, first: int, count: int) -> Iterable[tuple[int, int]]:
        at = 0
        for run in self.runs:
            low, high = max(first, at), min(first + count, at + run.count)
            if low < high:
                yield run.first + low - at, run.first + high - at
            at += run.count

    def _column(self, field: Field, draw: Draw) -> str:
        if field.name in self.withheld:
            return f"CASE WHEN false THEN {_shape(field, draw)} END"
        if field.name == "segmentMembership":
            return self._membership(draw)
        if field.name == "personalEmail":
            return f"CASE WHEN {_HAS_EMAIL} THEN {_shape(field, draw)} END"
        return _optional(field, draw)

    def _membership(self, draw: Draw) -> str:
        spaces: dict[str, list[Membership]] = {}
        for one in self.memberships:
            spaces.setdefault(one.segment_ns, []).append(one)
        if not spaces:
            return f"NULL::{_SPECIAL['segmentMembership']}"
        entries = ",".join(f"{{'k':{text(name)},'v':{_members(found, draw)}}}" for name, found in spaces.items())
        kept = f"list_filter([{entries}],lambda m: cardinality(m.v)>0)"
        return f"map_from_entries({kept})::{_SPECIAL['segmentMembership']}"

    def _events(self, draw: Draw) -> str:
        assert self.columns.events is not None, "asked for only with events"
        low, high = self.events.low_ms, self.events.high_ms
        slots = f"range({low // _SLOT_MS},{high // _SLOT_MS + 1})"
        times = f"list_transform({slots},lambda d: d*{_SLOT_MS}+(hash(xor(h,d::UBIGINT))%{_SLOT_MS})::BIGINT)"
        kept = f"list_filter({times},lambda t: t>={low} AND t<={high} AND hash(xor(h,t::UBIGINT))%{_EVENT_SHARE}=0)"
        kinds = len(words.EVENT_TYPES)
        seeds = (
            f"list_transform({kept},lambda t: {{'t':t,'e':hash(xor(h,(t+1)::UBIGINT)),"
            f"'y':(hash(xor(h,(t+2)::UBIGINT))%{kinds})::BIGINT}})"
        )
        inside = Draw("x.e", EVENTS, "x.t")
        return f"list_transform({seeds},lambda x: {_struct(self.columns.events, inside, _event_field)})"


_HAS_EMAIL = f"((p+1)*{_EMAIL_OF_FIVE}//5-p*{_EMAIL_OF_FIVE}//5)=1"


def _identity_map(draw: Draw) -> str:
    mail, other = email(draw), replace(draw, seed=PERSON_SEED, topic="second address")
    first = f"{{'id':{mail},'primary':true}}"
    second = f"{{'id':'old.'||{mail},'primary':false}}"
    mails = f"CASE WHEN {other.below(16)}=0 THEN [{first},{second}] ELSE [{first}] END"
    own = f"[{{'id':{crm_id(draw)},'primary':NOT {_HAS_EMAIL}}}]"
    return (
        f"(CASE WHEN {_HAS_EMAIL} THEN MAP(['email','crmid'],[{mails},{own}]) "
        f"ELSE MAP(['crmid'],[{own}]) END)::{_SPECIAL['identityMap']}"
    )


def _members(found: Sequence[Membership], draw: Draw) -> str:
    """Return the inner map of one namespace: those segments whose people include this one."""
    known = ",".join(
        f"{{'i':{text(one.segment_id)},'f':{one.first}::BIGINT,'n':{one.end}::BIGINT,'s':{listed(one.statuses)},"
        f"'l':{one.low_ms}::BIGINT,'w':{max(1, one.high_ms - one.low_ms + 1)}::UBIGINT,"
        f"'z':{zlib.crc32(one.segment_id.encode())}::UBIGINT}}"
        for one in found
    )
    mine = f"list_filter([{known}],lambda a: p>=a.f AND p<a.n)"
    drawn = f"hash(xor({draw.seed},a.z))"
    entry = (
        f"{{'k':a.i,'v':{{'lastQualificationTime':epoch_ms(a.l+({drawn}%a.w)::BIGINT),"
        f"'status':a.s[1+({drawn}%len(a.s)::UBIGINT)::BIGINT]}}}}"
    )
    return f"map_from_entries(list_transform({mine},lambda a: {entry}))"


def _optional(field: Field, draw: Draw) -> str:
    """Return the value, or NULL for those who have none."""
    if field.name == "identityMap":
        return _identity_map(draw)
    share = _share(draw.topic, field.name)
    if share >= _ALL:
        return _shape(field, draw)
    return f"CASE WHEN {draw.of(draw.topic + '?').bits}%{_ALL}<{share} THEN {_shape(field, draw)} END"


def _share(path: str, name: str) -> int:
    known = _PRESENT.get(path)
    if known is not None:
        return known
    return _ALL if name in _ALWAYS else _SHARES[zlib.crc32(path.encode()) % len(_SHARES)]


def _event_field(field: Field, draw: Draw) -> str:
    """Return a top-level field of an event; groups are filled by the type of event that they belong to."""
    if field.name == "eventType":
        return f"({listed(name for name, _ in words.EVENT_TYPES)})[1+x.y]"
    if field.name in ("timestamp", "receivedTimestamp"):
        return "epoch_ms(x.t)"
    if field.name == "segmentMembership":
        return f"NULL::{_SPECIAL['segmentMembership']}"
    group = "commerce" if field.name == "productListItems" else field.name
    types = [str(at) for at, (_, filled) in enumerate(words.EVENT_TYPES) if filled == group]
    if types:
        return f"CASE WHEN x.y IN ({','.join(types)}) THEN {_shape(field, draw)} END"
    return _optional(field, draw)


def _shape(field: Field, draw: Draw) -> str:
    """Return a value that is there, of any kind."""
    if field.kind == "object":
        return _struct(field.fields, draw, _optional)
    if field.kind == "array" and field.item is not None:
        return _array(field.item, draw)
    if field.kind == "map" and field.item is not None:
        return f"MAP({listed(_KEYS)},[{','.join(_shape(field.item, draw.of(f'{draw.topic}.{key}')) for key in _KEYS)}])"
    return value(field, draw)


_KEYS = ("first", "second")
_Part = Callable[["Field", Draw], str]


def _struct(fields: Sequence[Field], draw: Draw, part: _Part) -> str:
    inner = ",".join(f"{text(one.name)}:{part(one, draw.of(f'{draw.topic}.{one.name}'))}" for one in fields)
    return f"{{{inner}}}"


def _array(item: Field, draw: Draw) -> str:
    depth = draw.seed.count("z") + 1
    name = f"z{'z' * depth}"
    seeds = f"list_transform(range(1+{draw.of(draw.topic + '#').below(3)}),lambda i: hash(xor({draw.bits},i::UBIGINT)))"
    inside = replace(draw, seed=name)
    return f"list_transform({seeds},lambda {name}: {_shape(item, inside)})"
