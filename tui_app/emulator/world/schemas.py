"""Owns the schemas of the emulated organization: what feeds the two unions, and what does not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from tui_app.emulator.chance import Chance
from tui_app.emulator.world.fields import Field, outline
from tui_app.emulator.world.union import EVENT, PROFILE, TENANT

XDM = "https://ns.adobe.com/xdm"
PROFILE_CLASS = f"{XDM}/context/profile"
EVENT_CLASS = f"{XDM}/context/experienceevent"
ADHOC = f"{XDM}/data/adhoc"
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema or union, `kind` as the registry names its type; `parts` are the class and field groups it is made of.

    `in_union` is whether its class's union takes its fields in; `age_ms` how long before the world began it was last
    changed, each schema's its own.
    """

    schema_id: str
    title: str
    description: str
    kind: Literal["schemas", "unions"]
    class_id: str
    parts: tuple[str, ...]
    extends: tuple[str, ...]
    fields: tuple[Field, ...]
    in_union: bool
    version: str
    age_ms: int

    @property
    def alt_id(self) -> str:
        """The dotted name of the same schema."""
        return "_" + self.schema_id.removeprefix("https://ns.adobe.com/").replace("/", ".")


def _mixin(title: str) -> str:
    return f"https://ns.adobe.com/{TENANT}/mixins/{Chance(0, 'mixin', title).hex(48)}"


# Field group -> the fields of the union that it brings along.
_PROFILE_PARTS = {
    PROFILE_CLASS: "_id _repo createdByBatchID modifiedByBatchID repositoryCreatedBy repositoryLastModifiedBy personID"
    " isDeleted",
    f"{XDM}/context/identitymap": "identityMap",
    f"{XDM}/context/profile-person-details": "person",
    f"{XDM}/context/profile-personal-details": "personalEmail mobilePhone homePhone faxPhone homeAddress"
    " billingAddress mailingAddress shippingAddress photos profilePictureLink socialMediaLinks",
    f"{XDM}/context/profile-work-details": "workEmail workPhone workAddress workDetails organizations",
    f"{XDM}/context/profile-segmentation": "segmentMembership",
    f"{XDM}/context/profile-preferences-details": "preferredLanguage timeZone favourites",
    f"{XDM}/context/profile-push-notification-details": "pushNotificationDetails",
    f"{XDM}/context/profile-test-profile": "testProfile",
    f"{XDM}/context/profile-subscriptions": "userAccount telecomSubscription personRelationships",
    f"{XDM}/common/external-source-system-audit-details": "extSourceSystemAudit status",
    f"{XDM}/mixins/profile-consents": "consents",
    f"{XDM}/mixins/profile/profile-loyalty-details": "loyalty",
    f"{XDM}/mixins/profile/profile-metrics": "metrics",
    _mixin("Customer attributes"): f"_{TENANT}",
}
_EVENT_PARTS = {
    EVENT_CLASS: "_id timestamp eventType eventMergeId producedBy receivedTimestamp",
    f"{XDM}/context/identitymap": "identityMap",
    f"{XDM}/context/experienceevent-enduserids": "endUserIDs userActivityRegion",
    f"{XDM}/context/experienceevent-environment-details": "environment device placeContext implementationDetails",
    f"{XDM}/context/experienceevent-web": "web",
    f"{XDM}/context/experienceevent-application": "application",
    f"{XDM}/context/experienceevent-search": "search siteSearch",
    f"{XDM}/context/experienceevent-commerce": "commerce productListItems",
    f"{XDM}/context/experienceevent-channel": "channel marketing",
    f"{XDM}/context/experienceevent-directmarketing": "directMarketing",
    f"{XDM}/context/experienceevent-advertising": "advertising",
    f"{XDM}/context/experienceevent-media": "media",
    f"{XDM}/context/experienceevent-proposition": "proposition",
    f"{XDM}/context/experienceevent-segmentation": "segmentMembership",
    f"{XDM}/context/experienceevent-store": "storeInteraction",
    _mixin("Event attributes"): f"_{TENANT}",
}
_LOCATION = outline(
    """
    storeID
    storeName
    openedOn date
    isOpen boolean
    region
    floorArea number
    """
)

# Title, description, the last words of its parts; the class is a part of each. Oldest change last.
_PROFILE_SCHEMAS = (
    ("CRM customers", "People as the customer records know them", "person-details personal-details audit-details"),
    ("Loyalty members", "Members of the loyalty programme", "loyalty-details person-details profile-metrics"),
    ("Subscribers", "Contract customers and what they subscribe to", "profile-subscriptions personal-details"),
    ("App users", "People who signed in to the app", "push-notification-details preferences-details test-profile"),
    ("Consent records", "What people agreed to, and when", "profile-consents"),
    ("Business contacts", "People at their work", "work-details person-details"),
    ("Customer attributes", "Scores and attributes that the data team computes", "tenant"),
    ("Audience memberships", "Which audiences people are in; made by the platform", "profile-segmentation"),
)
_EVENT_SCHEMAS = (
    ("Web events", "Page views and clicks", "environment-details web search channel enduserids proposition tenant"),
    ("App usage", "Starts, crashes and sessions of the app", "environment-details application"),
    ("Orders", "Carts, orders and refunds", "commerce"),
    ("Email tracking", "Sent, opened and clicked messages", "directmarketing channel"),
    ("Advertising exposure", "Impressions and clicks at partners", "advertising media"),
    ("Audience entries and exits", "Changes of membership as they happen", "experienceevent-segmentation"),
    ("Store visits", "What people do in shops", "experienceevent-store"),
)


@cache
def schemas() -> tuple[Schema, ...]:
    """Return every schema of the organization: those of the two unions, one that is not in its union, two of others."""
    made = [
        *(_schema(*one, base=PROFILE_CLASS) for one in _PROFILE_SCHEMAS),
        *(_schema(*one, base=EVENT_CLASS) for one in _EVENT_SCHEMAS),
        _schema(
            "Partner leads (trial)", "Not enabled for profiles", "person-details", base=PROFILE_CLASS, in_union=False
        ),
    ]
    location = f"https://ns.adobe.com/{TENANT}/classes/{Chance(0, 'class', 'Location').hex(48)}"
    for title, text, class_id in (
        ("Store locations", "Where shops are; no people in it", location),
        ("Query result 2026-02", "Made by a query", ADHOC),
    ):
        made.append(
            Schema(
                schema_id=_schema_id(title),
                title=title,
                description=text,
                kind="schemas",
                class_id=class_id,
                parts=(class_id,),
                extends=(class_id, f"{XDM}/data/record") if class_id != ADHOC else (ADHOC,),
                fields=_LOCATION,
                in_union=False,
                version="1.0",
                age_ms=_age_ms(title),
            )
        )
    return tuple(made)


@cache
def unions() -> tuple[Schema, ...]:
    """Return the unions of the two classes; each is the sum of the schemas that are in it."""
    return (
        _union(
            PROFILE_CLASS,
            "XDM Individual Profile",
            "One person as all profile schemas together describe them",
            fields=(*PROFILE, Field("timeSeriesEvents", "array", "Time-series events", item=Field("", "object"))),
        ),
        _union(EVENT_CLASS, "XDM ExperienceEvent", "One event as all event schemas together describe it", fields=EVENT),
    )


def _schema_id(title: str) -> str:
    return f"https://ns.adobe.com/{TENANT}/schemas/{Chance(0, 'schema', title).hex(48)}"


def _age_ms(title: str) -> int:
    return Chance(0, "schema-age", title).between(30 * 24 * _HOUR_MS, 400 * 24 * _HOUR_MS)


def _schema(title: str, description: str, ends: str, *, base: str, in_union: bool = True) -> Schema:
    known = _PROFILE_PARTS if base == PROFILE_CLASS else _EVENT_PARTS
    common = (base, f"{XDM}/context/identitymap")
    wanted = tuple(f"/{TENANT}/mixins/" if end == "tenant" else end for end in ends.split())
    parts = (
        *common,
        *(part for part in known if part not in common and any(_named(part, end) for end in wanted)),
    )
    names = {name for part in parts for name in known[part].split()}
    behaviour = f"{XDM}/data/record" if base == PROFILE_CLASS else f"{XDM}/data/time-series"
    return Schema(
        schema_id=_schema_id(title),
        title=title,
        description=description,
        kind="schemas",
        class_id=base,
        parts=parts,
        extends=(*parts, behaviour, f"{XDM}/common/extensible"),
        fields=tuple(field for field in (PROFILE if base == PROFILE_CLASS else EVENT) if field.name in names),
        in_union=in_union,
        version=f"1.{Chance(0, 'schema-version', title).between(0, 14)}",
        age_ms=_age_ms(title),
    )


def _named(part: str, end: str) -> bool:
    return end in part if end.startswith("/") else part.endswith(end)


def _union(class_id: str, title: str, description: str, *, fields: tuple[Field, ...]) -> Schema:
    members = [one for one in schemas() if one.class_id == class_id and one.in_union]
    parts = dict.fromkeys(part for one in members for part in one.parts)
    extends = dict.fromkeys(inner for one in members for inner in (one.schema_id, *one.extends))
    return Schema(
        schema_id=f"{class_id}__union",
        title=title,
        description=description,
        kind="unions",
        class_id=class_id,
        parts=tuple(parts),
        extends=tuple(extends),
        fields=fields,
        in_union=False,
        version="1.0",
        age_ms=min(one.age_ms for one in members),
    )
