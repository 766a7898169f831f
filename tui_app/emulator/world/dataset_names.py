"""Owns the invented datasets that a sandbox is born with besides the targets of its jobs; no logic but their list."""

from __future__ import annotations

from typing import NamedTuple

# On the union, but nobody exports into them now: a picker has to page, and not every target has a last batch.
IDLE_EXPORTS = (
    "Media agency handover",
    "Postal campaign spring",
    "Postal campaign autumn",
    "Survey sample",
    "Fraud review sample",
    "Regional split DACH",
    "Regional split Iberia",
    "Regional split Benelux",
    "Migration rehearsal",
    "Migration dry run 2",
    "Quarterly board figures",
    "Store manager lists",
    "Clean room feed",
    "Profile export archive 2025",
    "Profile export (do not use)",
)


class Ingestion(NamedTuple):
    """A dataset that is written by ingestion: its schema's title, and what its tags say."""

    name: str
    schema: str
    feeds_profile: bool = True
    is_upsert: bool = False
    by_system: bool = False


INGESTIONS = (
    Ingestion("Web events raw", "Web events"),
    Ingestion("CRM accounts", "CRM customers", is_upsert=True),
    Ingestion("Loyalty members ingest", "Loyalty members"),
    Ingestion("Orders 2026", "Orders"),
    Ingestion("Orders 2025", "Orders"),
    Ingestion("Subscriptions nightly", "Subscribers", is_upsert=True),
    Ingestion("Consent log", "Consent records"),
    Ingestion("Partner leads (trial)", "Partner leads (trial)", feeds_profile=False),
    Ingestion("App usage iOS", "App usage"),
    Ingestion("App usage Android", "App usage"),
    Ingestion("App sign-ins", "App users"),
    Ingestion("Business contacts import", "Business contacts"),
    Ingestion("Computed attributes", "Customer attributes", is_upsert=True),
    Ingestion("Email tracking EU", "Email tracking"),
    Ingestion("Email tracking US", "Email tracking"),
    Ingestion("Ad exposure partners", "Advertising exposure"),
    Ingestion("Store visits beacons", "Store visits"),
    Ingestion("Web events trial copy", "Web events", feeds_profile=False),
    Ingestion("Shop addresses", "Store locations", feeds_profile=False),
    Ingestion("Query result 2026-02", "Query result 2026-02", feeds_profile=False),
    Ingestion("Audience-Membership-Events", "Audience entries and exits", by_system=True),
    Ingestion("Audience-Membership-State", "Audience memberships", by_system=True),
)
SMALL_EXPORTS, SMALL_INGESTIONS = 4, 8  # how many of them a sandbox has that is not for production
