"""Owns a sandbox's audiences: those the platform evaluates and those other products deliver (API reference 6.1, 6.2).

All of them are drawn from the seed: names and rules stand in `audience_rules`, sizes are shares of the sandbox's
profiles over four orders of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.audience_rules import SUPPLIED, TABLE, Is, Rule, in_country, in_json, in_text
from tui_app.emulator.world.datasets import DAY_MS
from tui_app.emulator.world.policies import policy_ids
from tui_app.emulator.world.samples import HOSTILE_NAMES

Evaluation = Literal["batch", "streaming", "edge"]
LifecycleState = Literal["draft", "published", "inactive", "archived"]
_T = TypeVar("_T")

PLATFORM_NS, SUPPLIER_NS = "ups", "AAM"
_OLDEST_DAYS, _YOUNGEST_DAYS, _TENDED_DAYS = 395, 20, 30
_FEWER, _FEWER_SUPPLIED, _FEWER_HOSTILE = 24, 4, 2  # of each kind in any sandbox but production
_EVERYONE, _NOBODY, _DRAFT = "All profiles", "Nobody", "Draft: summer sale"
_COMBINED, _COMBINES = "Gold members who ordered", ("Loyalty gold", "Ordered in the last 30 days")
_NO_CREATION_TIME = "Ordered in the last 30 days"  # the tutorial's own sample has lost its creation time, too
_IN_MICROSECONDS = SUPPLIED[0][0]  # as in a published sample
_ARCHIVED = "Household income upper third"
_POSTCODES = 600

# Shares of all audiences; what is left of 1 goes to the value that the call names.
_POLICY_SHARES = ((0.10, 1), (0.19, 2), (0.27, 3))  # place in `policy_ids`
_NO_POLICY_SHARE = 0.04
_EVALUATION_SHARES: tuple[tuple[float, Evaluation], ...] = ((0.08, "edge"), (0.28, "streaming"))
_LIFECYCLE_SHARES: tuple[tuple[float, LifecycleState], ...] = ((0.08, "inactive"), (0.12, "archived"))
_JSON_SHARE, _LABEL_SHARE, _TENDED_SHARE = 0.2, 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Audience:
    """One audience; times in epoch milliseconds.

    `segment_id` and `segment_ns` are what export filters name: the supplier's id for an audience from outside.
    `platform_id` is the id of the audience itself, the same as `segment_id` where the platform evaluates it.
    `size` counts the profiles in it. `description` and `policy_id` are None where the platform shows none.
    `expression` is PQL, empty for an audience from outside.
    """

    segment_id: str
    segment_ns: str
    name: str
    description: str | None
    size: int
    policy_id: str | None
    platform_id: str
    namespace: str
    origin: str
    created_ms: int
    updated_ms: int
    lifecycle: LifecycleState = "published"
    evaluation: Evaluation = "batch"
    expression: str = ""
    expression_format: Literal["pql/text", "pql/json"] = "pql/text"
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    ttl_days: int = 30

    @property
    def is_platform(self) -> bool:
        """Whether the platform evaluates it."""
        return self.segment_ns == PLATFORM_NS

    @property
    def is_definition(self) -> bool:
        """Whether it is listed among the segment definitions: archiving an audience deletes its definition."""
        return self.is_platform and self.lifecycle != "archived"


def audiences(seed: int, sandbox: str, *, rows: int, before_ms: int) -> tuple[Audience, ...]:
    """Return the sandbox's audiences as of `before_ms`: all there are in `prod`, fewer elsewhere, none in `empty`.

    Sizes are parts of `rows`, the number of profiles in the sandbox.
    """
    if sandbox == "empty":
        return ()
    whole = sandbox == "prod"
    hostile = HOSTILE_NAMES if whole else HOSTILE_NAMES[:_FEWER_HOSTILE]
    table = (
        *(TABLE if whole else TABLE[:_FEWER]),
        *((name, name, (in_country("SE"),)) for name in hostile),
    )
    evaluated = [
        _evaluated(seed, sandbox, name, description, rules, rows=rows, before_ms=before_ms)
        for name, description, rules in table
    ]
    by_name = {one.name: one for one in evaluated}
    supplied = SUPPLIED if whole else SUPPLIED[:_FEWER_SUPPLIED]
    return (
        *(_combine(one, by_name) if one.name == _COMBINED else one for one in evaluated),
        *(_delivered(seed, sandbox, place, rows=rows, before_ms=before_ms) for place in range(len(supplied))),
    )


def _evaluated(
    seed: int,
    sandbox: str,
    name: str,
    description: str | None,
    rules: tuple[Rule, ...],
    *,
    rows: int,
    before_ms: int,
) -> Audience:
    chance = Chance(seed, "audience", sandbox, name)
    audience_id = chance.uuid()
    created, updated = _times(chance, before_ms)
    evaluation = _evaluation(chance, rules)
    is_json = bool(rules) and chance.fraction() < _JSON_SHARE
    return Audience(
        segment_id=audience_id,
        segment_ns=PLATFORM_NS,
        name=name,
        description=description,
        size=_size(chance, name, rows),
        policy_id=_policy(chance, policy_ids(seed, sandbox), evaluation),
        platform_id=audience_id,
        namespace="AEPSegments",
        origin="REAL_TIME_CUSTOMER_PROFILE",
        created_ms=0 if name == _NO_CREATION_TIME else created,
        updated_ms=updated,
        lifecycle=_lifecycle(chance, name),
        evaluation=evaluation,
        expression=in_json(rules) if is_json else in_text(rules or (_postcodes(chance),)),
        expression_format="pql/json" if is_json else "pql/text",
        labels=("core/C1",) if chance.fraction() < _LABEL_SHARE else (),
        ttl_days=chance.pick((30, 30, 60)),
    )


def _delivered(seed: int, sandbox: str, place: int, *, rows: int, before_ms: int) -> Audience:
    name, origin = SUPPLIED[place]
    chance = Chance(seed, "supplied-audience", sandbox, place)
    created, updated = _times(chance, before_ms)
    return Audience(
        segment_id=str(4_000_000 + place * 60_000 + chance.between(0, 59_999)),
        segment_ns=SUPPLIER_NS,
        name=name,
        description=chance.pick((None, "", "Delivered nightly", "Delivered by another product")),
        size=_size(chance, name, rows),
        policy_id=None,
        platform_id=chance.uuid(),
        namespace="AAMTraits" if name.startswith("Trait") else chance.pick(("AAM", "AAMSegments")),
        origin=origin,
        created_ms=created * 1000 if name == _IN_MICROSECONDS else created,
        updated_ms=updated,
        lifecycle="archived" if name == _ARCHIVED else "published",
        labels=("core/C9",) if chance.fraction() < _LABEL_SHARE else (),
    )


def _drawn(chance: Chance, shares: tuple[tuple[float, _T], ...], other: _T) -> _T:
    """Draw one of the values below whose limit the draw falls, else `other`."""
    share = chance.fraction()
    return next((value for limit, value in shares if share < limit), other)


def _times(chance: Chance, before_ms: int) -> tuple[int, int]:
    """Draw when it was created and last updated; half of them were left alone after their first month."""
    created = before_ms - chance.between(_YOUNGEST_DAYS * DAY_MS, _OLDEST_DAYS * DAY_MS)
    latest = before_ms if chance.fraction() < _TENDED_SHARE else min(before_ms, created + _TENDED_DAYS * DAY_MS)
    return created, chance.between(created, latest)


def _size(chance: Chance, name: str, rows: int) -> int:
    """Draw a share of `rows`, evenly over four orders of magnitude."""
    share = 10 ** (-4 * chance.fraction())
    return {_EVERYONE: rows, _NOBODY: 0}.get(name, round(rows * share))


def _policy(chance: Chance, ids: tuple[str, ...], evaluation: Evaluation) -> str | None:
    """Draw its merge policy; at the edge it must be the one that is active there."""
    if evaluation == "edge":
        return ids[0]
    place = _drawn(chance, _POLICY_SHARES, 0)
    return None if chance.fraction() < _NO_POLICY_SHARE else ids[place]


def _evaluation(chance: Chance, rules: tuple[Rule, ...]) -> Evaluation:
    """Draw how it is evaluated: a list is too long for anything but a batch, the edge knows attributes only."""
    drawn = _drawn(chance, _EVALUATION_SHARES, "batch") if rules else "batch"
    is_simple = all(isinstance(rule, Is) for rule in rules)
    return "streaming" if drawn == "edge" and not is_simple else drawn


def _lifecycle(chance: Chance, name: str) -> LifecycleState:
    """Draw its state; the first of the table, which people export most, are in use."""
    if name == _DRAFT:
        return "draft"
    is_known = name in _IN_USE
    return "published" if is_known else _drawn(chance, _LIFECYCLE_SHARES, "published")


_IN_USE = frozenset(name for name, _, _ in TABLE[:_FEWER]) | {_COMBINED, _NOBODY}


def _postcodes(chance: Chance) -> Is:
    codes = sorted(f"{chance.between(1_000, 99_999):05d}" for _ in range(_POSTCODES))
    return Is("homeAddress.postalCode", tuple(codes))


def _combine(audience: Audience, by_name: dict[str, Audience]) -> Audience:
    """Build it on other audiences of the same sandbox: nobody is in it who is not in all of them."""
    parts = [by_name[name] for name in _COMBINES]
    return replace(
        audience,
        size=min(audience.size, *(part.size for part in parts)),
        expression=" and ".join(f'inSegment("{part.segment_id}")' for part in parts),
        expression_format="pql/text",
        evaluation="batch",
        depends_on=tuple(part.segment_id for part in parts),
    )
