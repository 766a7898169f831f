"""Owns the invented names, audiences and error texts that the world is furnished with; no logic but their choice."""

from __future__ import annotations

from typing import NamedTuple

from tui_app.emulator.chance import Chance

UNION_SCHEMA = "https://ns.adobe.com/xdm/context/profile__union"
EVENT_SCHEMA = "https://ns.adobe.com/xdm/context/experienceevent"
TUTORIAL_DATASET = "5b020a27e7040801dedba61b"  # the seed's own sample request works here as it stands


class Audience(NamedTuple):
    """A segment that export filters name: its id, the namespace of that id, and how many profiles it holds."""

    segment_id: str
    segment_ns: str
    size: int


EXPORT_DATASETS = (
    "Profile Data Export",
    "Loyalty export",
    "Newsletter weekly",
    "Churn risk scores",
    "Paid media suppression",
    "Store visitors EMEA",
    "App push audience",
    "Call centre outreach",
    "Win-back 90 days",
    "Data science snapshot",
    "Partner share Nordics",
    "Consent audit",
)
SLOW_DATASETS = frozenset({"Data science snapshot", "Partner share Nordics"})
INGEST_DATASETS = ("Web events raw", "CRM accounts", "Loyalty members ingest", "Orders 2026")

# Text that breaks front ends which trust it: markup, terminal control, direction marks, width, length.
HOSTILE_NAMES = (
    "[/x] [@click=app.bell]hi[/] [bold]",
    "title \x1b]0;x\x07 and \x1b[2J clear",
    "c1 \x9b31m\x9d0;x\x9c and nul \x00 del \x7f",
    "bidi \u202egnp.tropxe\u202c \u2066x\u2069 zero\u200bwidth\ufeff",
    "export " + "very long name " * 19 + "end here",
    "顧客データ書き出し 日本語 한국어",
    "🎉 Fête 👨‍👩‍👧‍👦 naïve e\u0301\u0301\u0301 =cmd()",
)
HOSTILE_MESSAGES = (
    "Error in Export Job: cannot parse [/x] at [@click=app.bell]hi[/]",
    "Error writing profiles to output path '\x1b]0;x\x07\x1b[31m/snapshot'",
    "Error in Export Job: \u202etxet desrever\u202c \x9b1m\nsecond line\tafter a tab\r\nthird line",
    "Error in Export Job: " + "path/to/some/field." * 15,
    "書き込みに失敗しました 🔥 dataset 顧客",
)

_HOSTILE_SHARE = 0.04
_SPARK = "org.apache.spark.SparkException: Job aborted."
_LOGGER = "com.adobe.aep.unifiedprofile.common.logging.Logger"


def audiences(seed: int, sandbox: str) -> tuple[Audience, ...]:
    """Return the segments that a sandbox's jobs export, platform segments and some from Audience Manager."""
    chance = Chance(seed, "audiences", sandbox)
    own = [Audience(chance.uuid(), "ups", int(10 ** (2 + 4 * chance.fraction()))) for _ in range(20)]
    other = [Audience(str(chance.between(4_000_000, 4_999_999)), "AAM", 5_000) for _ in range(4)]
    return (*own, *other)


def errors(chance: Chance, outcome: str, *, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    """Return the `errors` of a job that fails this way, from one of the known families with varying details.

    Shape and code 0090000009 are the seed's; the other texts are invented in its manner (API reference 2.3).
    """
    if chance.fraction() < _HOSTILE_SHARE:
        return (_error("0100000003", chance.pick(HOSTILE_MESSAGES)),)
    store = f"adl://emulated{chance.between(1, 9)}.example.net/snapshot/{job_id}"
    task, stage = chance.between(0, 199), chance.between(3, 80)
    storage = (
        _error("0090000009", f"Error writing profiles to output path '{store}'"),
        _error("unknown", "Job aborted.", _SPARK),
    )
    persisted = not_persisted(dataset_id)
    quota = (
        _error(
            "0100000003",
            f"Error in Export Job: storage quota exceeded, {chance.between(101, 180)} of 100 GB used at '{store}'",
        ),
    )
    if outcome == "fail-write":
        return (storage, storage, persisted, quota)[chance.between(0, 3)]
    spark = (
        _error(
            "unknown",
            f"Job aborted due to stage failure: Task {task} in stage {stage}.0 failed 4 times, most recent failure: "
            f"executor {chance.between(1, 64)} exited with code 137.",
            _SPARK,
        ),
    )
    policy = (_error("0100000003", f"Error in Export Job: merge policy {chance.uuid()} does not exist."),)
    expired = (
        _error(
            "0100000003",
            "Error in Export Job: segment service answered 401 "
            f'{{"error_code":"401013","message":"Oauth token is not valid"}} request {chance.token(32)}',
        ),
    )
    return (storage, storage, spark, spark, policy, expired)[chance.between(0, 5)]


def not_persisted(dataset_id: str) -> tuple[dict[str, str], ...]:
    """Return the errors of a job whose target is not a dataset on the union schema (API reference 11)."""
    return (_error("0100000003", f"Error in Export Job: dataset {dataset_id} is not persisted in the union view."),)


def _error(code: str, message: str, call_stack: str = _LOGGER) -> dict[str, str]:
    return {"code": code, "msg": message, "callStack": call_stack}
