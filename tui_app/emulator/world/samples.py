"""Owns the invented names and error texts that the world is furnished with; no logic but their choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_app.emulator.chance import Chance

UNION_SCHEMA = "https://ns.adobe.com/xdm/context/profile__union"
TUTORIAL_DATASET = "5b020a27e7040801dedba61b"  # the seed's own sample request works here as it stands

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
_STRAY_SHARE = 0.15
_SPARK = "org.apache.spark.SparkException: Job aborted."
_LOGGER = "com.adobe.aep.unifiedprofile.common.logging.Logger"


def errors(
    chance: Chance, outcome: str, *, job_id: int, dataset_id: str, family: str | None = None
) -> tuple[dict[str, str], ...]:
    """Return the `errors` of a job that fails this way, from one of the known families with varying details.

    Most failures of an incident are of its `family`, the others are drawn. Shape and code 0090000009 are the seed's;
    the other texts are invented in its manner (API reference 2.3).
    """
    drawn = chance.pick(_FAMILIES_OF[outcome])
    if family is None or chance.fraction() < _STRAY_SHARE:
        if chance.fraction() < _HOSTILE_SHARE:
            return (_error("0100000003", chance.pick(HOSTILE_MESSAGES)),)
        family = drawn
    return _TEXTS[family](chance, job_id, dataset_id)


def _store(chance: Chance, job_id: int) -> str:
    region, part = chance.pick(("eu", "us", "ap")), chance.between(0, 399)
    return f"adl://emulated{chance.between(1, 9)}-{region}.example.net/snapshot/{job_id}/part-{part:05d}"


def _storage(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del dataset_id
    return (
        _error("0090000009", f"Error writing profiles to output path '{_store(chance, job_id)}'"),
        _error("unknown", "Job aborted.", _SPARK),
    )


def _spark(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del job_id, dataset_id
    message = (
        f"Job aborted due to stage failure: Task {chance.between(0, 199)} in stage {chance.between(3, 80)}.0 failed "
        f"4 times, most recent failure: executor {chance.between(1, 64)} exited with code 137."
    )
    return (_error("unknown", message, _SPARK),)


def _persisted(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del chance, job_id
    return not_persisted(dataset_id)


def _policy(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del job_id, dataset_id
    return (_error("0100000003", f"Error in Export Job: merge policy {chance.uuid()} does not exist."),)


def _token(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del job_id, dataset_id
    answer = '{"error_code":"401013","message":"Oauth token is not valid"}'
    message = f"Error in Export Job: segment service answered 401 {answer} request {chance.token(32)}"
    return (_error("0100000003", message),)


def _quota(chance: Chance, job_id: int, dataset_id: str) -> tuple[dict[str, str], ...]:
    del dataset_id
    used, store = chance.between(101, 180), _store(chance, job_id)
    return (_error("0100000003", f"Error in Export Job: storage quota exceeded, {used} of 100 GB used at '{store}'"),)


_TEXTS: Mapping[str, Callable[[Chance, int, str], tuple[dict[str, str], ...]]] = {
    "storage": _storage,
    "spark": _spark,
    "persisted": _persisted,
    "policy": _policy,
    "token": _token,
    "quota": _quota,
}
# How often each family is drawn, by the stage that fails; and what an incident may be, with the stage it breaks.
_FAMILIES_OF = {
    "fail-export": ("storage", "storage", "spark", "spark", "policy", "token"),
    "fail-write": ("storage", "storage", "persisted", "quota"),
}
INCIDENTS = (
    ("storage", "fail-export"),
    ("spark", "fail-export"),
    ("token", "fail-export"),
    ("quota", "fail-write"),
    ("storage", "fail-write"),
)


def not_persisted(dataset_id: str) -> tuple[dict[str, str], ...]:
    """Return the errors of a job whose target is not a dataset on the union schema (API reference 11)."""
    return (_error("0100000003", f"Error in Export Job: dataset {dataset_id} is not persisted in the union view."),)


def _error(code: str, message: str, call_stack: str = _LOGGER) -> dict[str, str]:
    return {"code": code, "msg": message, "callStack": call_stack}
