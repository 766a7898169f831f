"""Owns audiences: what the platform tells of one, and what an export filter calls it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from tui_app.models.base import JsonObject, MalformedRecord, count, flag, mapping, moment_ms, text

PLATFORM_NS: Final = "ups"
"""How an export filter names the platform's own audiences; not the same as an audience's namespace."""
_PLATFORM_KIND: Final = "segment"
_KINDS: Final = {
    "segmentdefinition": _PLATFORM_KIND,
    "externalsegment": "external",
    "externalaudience": "external",
}
_PLATFORM_NAMESPACES: Final = frozenset({"", "aepsegments"})
_LIFECYCLES: Final = {"active": "published"}
_EVALUATIONS: Final = (("batch", "batch"), ("continuous", "streaming"), ("synchronous", "edge"))
# The rest can be long, a rule above all, and a sandbox may have thousands of audiences.
_KEPT: Final[tuple[str, ...]] = (
    "id",
    "audienceId",
    "name",
    "namespace",
    "description",
    "type",
    "originName",
    "lifecycleState",
    "lifecycle",
    "mergePolicyId",
    "creationTime",
    "updateTime",
    "updateEpoch",
    "evaluationInfo",
)


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience, or a segment definition, which is the platform's own kind of audience (API reference 6.1, 6.2).

    Moments are epoch milliseconds; texts are "" and tuples () where nothing was told.

    Attributes:
        audience_id: the id on this platform.
        supplier_id: the id at whoever delivers it; "" for the platform's own.
        kind: `segment` for the platform's own, `external` for a delivered one, else the platform's word.
        origin: the product it comes from.
        lifecycle: `draft`, `published`, `inactive`, `archived`, or another word of the platform.
        merge_policy_id: the policy it is evaluated with; None when not told.
        evaluated_ms: when its profiles were last counted.
        evaluation: which of `batch`, `streaming` and `edge` are on.
        profiles: how many were in it then.
        raw: the record, without its rule and whatever else we do not read.
    """

    audience_id: str
    name: str = ""
    namespace: str = ""
    description: str = ""
    supplier_id: str = ""
    kind: str = _PLATFORM_KIND
    origin: str = ""
    lifecycle: str = ""
    merge_policy_id: str | None = None
    updated_ms: int | None = None
    evaluated_ms: int | None = None
    evaluation: tuple[str, ...] = ()
    profiles: int | None = None
    raw: JsonObject = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_platform(self) -> bool:
        """Whether the platform evaluates it itself."""
        return self.kind == _PLATFORM_KIND

    @property
    def segment_id(self) -> str:
        """The id that an export filter takes: its own, or the supplier's for a delivered one."""
        return self.audience_id if self.is_platform else self.supplier_id or self.audience_id

    @property
    def segment_ns(self) -> str:
        """The namespace that an export filter takes: `ups` for the platform's own (6.2), else the supplier's."""
        if self.is_platform:
            return PLATFORM_NS
        return "AAM" if self.namespace.lower().startswith("aam") else self.namespace

    @property
    def has_been_evaluated(self) -> bool | None:
        """Whether its profiles were ever counted; None where the platform does not tell.

        A draft never is. Counts come with metrics, which not every answer has.
        """
        if self.evaluated_ms is not None or self.profiles is not None:
            return True
        return False if self.lifecycle == "draft" else None

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Return the audience that a decoded JSON value describes; only the id is required.

        Raises:
            MalformedRecord: the value is not an object, or has no usable id.
        """
        record = mapping(raw)
        audience_id = text(record.get("id")) or text(record.get("audienceId"))
        if audience_id is None:
            raise MalformedRecord("An audience must be an object with an id.")
        namespace = text(record.get("namespace")) or ""
        kind = _kind(text(record.get("type")), namespace)
        metrics = mapping(record.get("metrics"))
        supplier_id = text(record.get("audienceId")) or ""
        return cls(
            audience_id=audience_id,
            name=text(record.get("name")) or "",
            namespace=namespace,
            description=text(record.get("description")) or "",
            supplier_id="" if kind == _PLATFORM_KIND else supplier_id,
            kind=kind,
            origin=text(record.get("originName")) or "",
            lifecycle=_lifecycle(record),
            merge_policy_id=text(record.get("mergePolicyId")),
            updated_ms=moment_ms(record.get("updateTime")) or moment_ms(record.get("updateEpoch")),
            evaluated_ms=moment_ms(metrics.get("updateEpoch")) or moment_ms(metrics.get("createEpoch")),
            evaluation=_evaluation(mapping(record.get("evaluationInfo"))),
            profiles=count(mapping(metrics.get("data")).get("totalProfiles")),
            raw=_kept(record, metrics),
        )


def _kept(record: JsonObject, metrics: JsonObject) -> JsonObject:
    kept = {key: record[key] for key in _KEPT if key in record}
    counted: JsonObject = {key: metrics[key] for key in ("createEpoch", "updateEpoch") if key in metrics}
    profiles = mapping(metrics.get("data")).get("totalProfiles")
    if profiles is not None:
        counted["data"] = {"totalProfiles": profiles}
    return kept | {"metrics": counted} if counted else kept


def _kind(told: str | None, namespace: str) -> str:
    """Return the kind; a segment definition by itself names none (6.1)."""
    if told is not None:
        return _KINDS.get(told.strip().lower(), told)
    return _PLATFORM_KIND if namespace.lower() in _PLATFORM_NAMESPACES else "external"


def _lifecycle(record: JsonObject) -> str:
    told = (text(record.get("lifecycleState")) or text(record.get("lifecycle")) or "").strip()
    return _LIFECYCLES.get(told.lower(), told.lower())


def _evaluation(info: JsonObject) -> tuple[str, ...]:
    return tuple(ours for theirs, ours in _EVALUATIONS if flag(mapping(info.get(theirs)).get("enabled")))
