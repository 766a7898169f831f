"""The checks of an export request by what is known of the platform."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import samples
from tests.support.engines import dataset, job
from tui_app.models.audience import Audience
from tui_app.models.catalog import Dataset
from tui_app.models.export_job import ExportJob, MergePolicyRef, Segment
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.failure import Finding
from tui_app.models.field_paths import FieldPath
from tui_app.models.merge_policy import BY_DATASET, MergePolicy
from tui_app.models.platform_check import Listed, PlatformFacts, check_against, check_all
from tui_app.models.request_check import check_request

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
TARGET = Dataset.parse("d", dataset("Loyalty export"))
REALIZED = ("realized",)
REQUEST = ExportRequest("d", segments=(Segment("a", "ups", REALIZED),))
TWO = replace(REQUEST, segments=(Segment("a", None, REALIZED), Segment("b", "UPS", REALIZED)))
COUNTED: dict[str, Any] = {"evaluated_ms": NOW_MS, "profiles": 7, "lifecycle": "published"}
ALPHA = Audience("a", "Alpha", merge_policy_id="p", **COUNTED)
BETA = Audience("b", "Beta", merge_policy_id="q", **COUNTED)
POLICY = MergePolicy("p", "Default timebased", 2)
BY_ORDER = MergePolicy("q", "CRM first", 1, attribute_merge=BY_DATASET, dataset_order=("crm",))
FEEDING = {"unifiedProfile": ["enabled:true"]}


def complete(*items: Any, read_ms: int | None = NOW_MS - 2 * HOUR_MS) -> Listed[Any]:
    return Listed(items, is_complete=True, read_ms=read_ms)


FACTS = PlatformFacts(
    "prod",
    NOW,
    production=False,
    target=TARGET,
    datasets=complete(TARGET),
    audiences=complete(ALPHA, BETA),
    merge_policies=complete(POLICY, BY_ORDER),
    profile_fields=complete(
        FieldPath("personalEmail", "object", has_children=True),
        FieldPath("personalEmail.address", "string", depth=1),
        FieldPath("workEmail", "object", has_children=True),
        FieldPath("workEmail.address", "string", depth=1),
        FieldPath("identityMap", "map"),
        FieldPath("_acme", "object", has_children=True),
        FieldPath("_acme.tier", "string", depth=1),
    ),
    event_fields=complete(FieldPath("eventType", "string"), FieldPath("web", "object")),
)
NOTHING = PlatformFacts("prod", NOW)


def brief(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.severity, one.field) for one in findings]


def only(request: ExportRequest, known: PlatformFacts) -> Finding:
    (found,) = check_against(request, known)
    return found


def test_nothing_speaks_against_a_request_that_fits() -> None:
    assert check_all(REQUEST, FACTS) == ()
    assert check_against(replace(TWO, merge_policy=MergePolicyRef("p", 2)), FACTS) == ()


def test_nothing_is_said_of_what_is_not_known() -> None:
    request = replace(
        TWO, fields="no.such", merge_policy=MergePolicyRef("x", 9), events=EventList("nor.this", "2024-03-01T00:00:00Z")
    )
    assert check_against(request, NOTHING) == ()
    half = replace(
        NOTHING,
        audiences=Listed((Audience("z"),)),
        merge_policies=Listed((POLICY,)),
        profile_fields=Listed((FieldPath("other"),)),
        event_fields=Listed((FieldPath("other"),)),
        datasets=Listed((Dataset.parse("crm", dataset(tags={})),)),
    )
    assert check_against(request, half) == ()


# The dataset


@pytest.mark.parametrize(
    ("record", "expected", "cause"),
    [
        (dataset("Orders", schema_id="https://ns.adobe.com/acme/schemas/1"), "error", "Orders is not based on"),
        (dataset("Loop", tags={"unifiedProfile": ["enabled: TRUE", "x"]}), "warning", "Loop is enabled for profiles"),
    ],
)
def test_a_dataset_that_will_not_do(record: dict[str, Any], expected: str, cause: str) -> None:
    found = only(REQUEST, replace(FACTS, target=Dataset.parse("d", record)))
    assert (found.severity, found.field) == (expected, "destination.datasetId")
    assert cause in found.cause


@pytest.mark.parametrize("tags", [{}, {"unifiedProfile": ["enabled:false", "mergePolicyId:p"]}, {"unifiedProfile": []}])
def test_a_dataset_that_feeds_nothing(tags: dict[str, Any]) -> None:
    assert check_against(REQUEST, replace(FACTS, target=Dataset.parse("d", dataset(tags=tags)))) == ()


def test_a_dataset_that_is_not_there() -> None:
    gone = Finding("destination.datasetId", "Dataset d does not exist in sandbox prod.", "Check the id.")
    assert check_against(REQUEST, replace(FACTS, target=None, target_finding=gone)) == (gone,)
    assert check_against(REQUEST, replace(FACTS, target_finding=gone)) == ()


# Jobs that run


def running(number: int, body: dict[str, Any], status: str = "PROCESSING", **changes: Any) -> ExportJob:
    return ExportJob.parse(job(number, status, stage="export", **{**body, **changes}))


def test_the_same_export_is_running_already() -> None:
    body = REQUEST.to_body()
    found = only(REQUEST, replace(FACTS, running=(running(7, body),)))
    assert (found.severity, found.field) == ("warning", "destination.datasetId")
    assert found.cause == "The same export is running already: export job 7 (PROCESSING)."
    assert "second export" in found.remedy
    stale = only(REQUEST, replace(FACTS, running=(running(7, body),), jobs_are_fresh=False))
    assert stale.cause.startswith("The same export is running already when the list was last read: ")


def test_another_export_is_running_into_the_dataset() -> None:
    other = replace(REQUEST, segments=(Segment("z", None, REALIZED),)).to_body()
    jobs = (*(running(number, other) for number in range(1, 6)), running(7, REQUEST.to_body(), "NEW"))
    same, others = check_against(REQUEST, replace(FACTS, running=jobs))
    assert same.cause == "The same export is running already: export job 7 (NEW)."
    assert others.cause == (
        "The dataset is being written to by export jobs 1 (PROCESSING), 2 (PROCESSING), 3 (PROCESSING) and 2 more."
    )


def test_other_jobs_do_not_matter() -> None:
    body = REQUEST.to_body()
    elsewhere = running(1, body, destination={"datasetId": "e"})
    ended = ExportJob.parse(job(2, "SUCCEEDED", **body))
    assert check_against(REQUEST, replace(FACTS, running=(elsewhere, ended))) == ()


# All profiles


def test_all_profiles_of_a_production_sandbox() -> None:
    everything = replace(REQUEST, segments=())
    (found,) = check_all(everything, replace(FACTS, production=True))
    assert (found.severity, found.field) == ("warning", "filter.segments")
    assert "all profiles of production sandbox prod" in found.cause
    for production in (False, None):
        (general,) = check_all(everything, replace(FACTS, production=production))
        assert "production" not in general.cause
    assert check_all(REQUEST, replace(FACTS, production=True)) == ()


# Audiences


def test_an_audience_of_another_sandbox() -> None:
    found = only(replace(REQUEST, segments=(Segment("nowhere", None, REALIZED),)), FACTS)
    assert (found.severity, found.field) == ("warning", "filter.segments[0].segmentId")
    assert found.cause == "nowhere is not among the 2 audiences of sandbox prod, read 2h ago."


@pytest.mark.parametrize(
    ("read_ms", "told"),
    [(NOW_MS - 30_000, ", read just now."), (NOW_MS + HOUR_MS, ", read just now."), (None, " prod.")],
)
def test_how_old_a_list_is_is_told(read_ms: int | None, told: str) -> None:
    found = only(REQUEST, replace(FACTS, audiences=complete(read_ms=read_ms)))
    assert found.cause.endswith(told)


def test_audiences_of_other_products_need_not_be_listed() -> None:
    assert check_against(replace(REQUEST, segments=(Segment("4410871", "AAM", REALIZED),)), FACTS) == ()


def test_a_delivered_audience_is_known_by_its_suppliers_id() -> None:
    delivered = Audience("x", "Partner", "AAM", supplier_id="4410871", kind="external", lifecycle="archived")
    request = replace(REQUEST, segments=(Segment("4410871", "AAM", REALIZED),))
    found = only(request, replace(FACTS, audiences=complete(delivered)))
    assert found.cause == "Audience Partner is archived, so its members are not kept up."


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"lifecycle": "draft"}, "Audience Alpha is a draft"),
        ({"lifecycle": "archived"}, "Audience Alpha is archived"),
        ({"lifecycle": "inactive"}, "Audience Alpha is inactive"),
        ({"evaluated_ms": None, "profiles": None}, "Audience Alpha has no count of profiles, as others have"),
    ],
)
def test_an_audience_nobody_may_be_in(changes: dict[str, Any], cause: str) -> None:
    known = replace(FACTS, audiences=complete(replace(ALPHA, **changes), BETA))
    found = only(REQUEST, known)
    assert (found.severity, found.field) == ("warning", "filter.segments[0].segmentId")
    assert found.cause.startswith(cause)
    evaluating = check_against(replace(REQUEST, evaluate=True), known)
    assert bool(evaluating) == ("lifecycle" in changes)


def test_no_counts_at_all_say_nothing_of_one() -> None:
    quiet = [replace(one, evaluated_ms=None, profiles=None) for one in (ALPHA, BETA)]
    assert check_against(REQUEST, replace(FACTS, audiences=complete(*quiet))) == ()


def test_a_segment_without_an_id_is_no_audience() -> None:
    draft = replace(ALPHA, lifecycle="draft")
    found = check_all(replace(REQUEST, segments=(Segment(""),)), replace(FACTS, audiences=complete(draft)))
    assert [(one.severity, one.cause) for one in found] == [("error", "Segment 1 has no id.")]


# Merge policies


def test_audiences_with_different_merge_policies() -> None:
    (found,) = check_all(TWO, FACTS)
    assert (found.severity, found.field) == ("warning", "mergePolicy")
    assert found.cause == (
        "The audiences have different merge policies and none is chosen: Default timebased for 1 and CRM first for 1."
    )
    assert brief(check_all(replace(TWO, merge_policy=MergePolicyRef("p")), FACTS)) == []


def test_audiences_with_one_merge_policy_need_none_chosen() -> None:
    alike = replace(FACTS, audiences=complete(ALPHA, replace(BETA, merge_policy_id="p")))
    assert check_all(TWO, alike) == ()
    unclear = replace(FACTS, audiences=complete(ALPHA, replace(BETA, merge_policy_id=None)))
    assert [one.cause for one in check_all(TWO, unclear)] == [one.cause for one in check_request(TWO)]


def test_a_merge_policy_of_another_sandbox() -> None:
    found = only(replace(REQUEST, merge_policy=MergePolicyRef("x" * 500)), FACTS)
    assert (found.severity, found.field) == ("warning", "mergePolicy.id")
    assert found.cause.endswith("… is not among the 2 merge policies of sandbox prod, read 2h ago.")
    assert len(found.cause) < 150
    # The platform's own are not listed.
    assert check_against(replace(REQUEST, merge_policy=MergePolicyRef("timestampOrdered-none-mp")), FACTS) == ()


@pytest.mark.parametrize(("version", "fields"), [(1, []), (2, []), (None, []), (3, ["mergePolicy.version"])])
def test_a_version_that_is_yet_to_come(version: int | None, fields: list[str]) -> None:
    found = check_against(replace(REQUEST, merge_policy=MergePolicyRef("p", version)), FACTS)
    assert [one.field for one in found] == fields


def test_datasets_that_a_merge_policy_leaves_out_are_named() -> None:
    datasets = complete(
        TARGET,
        Dataset.parse("crm", dataset("CRM", tags=FEEDING)),
        Dataset.parse("web", dataset("Web", tags=FEEDING)),
        Dataset.parse("shop", dataset("Shop", tags=FEEDING)),
        Dataset.parse("clicks", dataset("Clicks", tags=FEEDING, classification={"dataBehavior": "time-series"})),
    )
    known = replace(FACTS, datasets=datasets)
    found = only(replace(REQUEST, merge_policy=MergePolicyRef("q")), known)
    assert (found.severity, found.field) == ("warning", "mergePolicy.id")
    assert found.cause == "Merge policy CRM first leaves out attributes that come only from Web and Shop."
    # The audience's own policy is the one that counts where none is chosen.
    own = only(replace(REQUEST, segments=(Segment("b", None, REALIZED),)), known)
    assert (own.field, own.cause) == ("mergePolicy", found.cause)
    assert check_against(replace(REQUEST, merge_policy=MergePolicyRef("p")), known) == ()


# Fields


@pytest.mark.parametrize(
    ("fields", "cause", "remedy"),
    [
        ("personalEmail.address,_acme", None, None),
        (" _acme.tier , identityMap.email.id, ,", None, None),
        ("personalEmail.addres", "has no personalEmail.addres.", "Write personalEmail.address instead"),
        ("personalEmail.phone", "has no personalEmail.phone.", "Choose fields in the tree"),
        ("workEmial.address", "has no workEmial.address.", "Choose fields in the tree"),
        ("identitymap", "has no identitymap.", "Write identityMap instead"),
        ("PersonalEmail.address", "has no PersonalEmail.address.", "Write personalEmail.address instead"),
        ("acme.tier", "has no acme.tier.", "Write _acme.tier instead of acme.tier."),
        ("address", "has no address.", "Choose fields in the tree"),
        ("_acme.tier.gold", "has no _acme.tier.gold.", "Choose fields in the tree"),
        ("identities.id", "has no identities.id.", "Write identityMap instead of identities.id."),
        ("a,b,c,d,e", "has no a, b, c and 2 more.", "Choose fields in the tree"),
    ],
)
def test_fields_that_profiles_do_not_have(fields: str, cause: str | None, remedy: str | None) -> None:
    found = check_against(replace(REQUEST, fields=fields), FACTS)
    assert [one.field for one in found] == ([] if cause is None else ["fields"])
    for one in found:
        assert one.severity == "warning"
        assert cause is not None
        assert one.cause.endswith(cause)
        assert remedy is not None
        assert one.remedy.startswith(remedy)


def test_fields_that_events_do_not_have() -> None:
    events = EventList("eventType,web.page.name,eventTyp", "2024-03-01T00:00:00Z")
    found = only(replace(REQUEST, events=events), FACTS)
    assert (found.field, found.cause) == (
        "additionalFields.eventList.fields",
        "The union schema read 2h ago has no eventTyp.",
    )


def test_fields_of_another_class_are_not_judged() -> None:
    assert check_against(replace(REQUEST, fields="nope", schema_name="_xdm.context.other"), FACTS) == ()


# Any request, any facts

WORDS = st.sampled_from(
    ["a", "b", "d", "p", "q", "ups", "AAM", "draft", "published", "", " ", "\x1b", "x" * 10_000]
) | st.text(max_size=5)
MAYBE = st.none() | WORDS
MOMENTS = st.none() | st.integers(-(10**17), 10**17)
TIMES = st.none() | st.sampled_from(
    ["2024-03-01T00:00:00Z", "2030-01-01T00:00:00+02:00", "-7d", "", "0001-01-01T00:00:00+23:59"]
)
REQUESTS = st.builds(
    ExportRequest,
    dataset_id=WORDS,
    schema_name=WORDS | st.just("_xdm.context.profile"),
    segments=st.lists(st.builds(Segment, WORDS, MAYBE, st.lists(WORDS, max_size=2).map(tuple)), max_size=3).map(tuple),
    fields=MAYBE | st.just("a,b.c,,d"),
    merge_policy=st.none() | st.builds(MergePolicyRef, WORDS, st.none() | st.integers()),
    qualified_from=TIMES,
    qualified_to=TIMES,
    from_ingest=TIMES,
    empty_profiles=st.none() | st.booleans(),
    events=st.none() | st.builds(EventList, MAYBE, TIMES, TIMES),
    segment_per_batch=st.booleans(),
    evaluate=st.none() | st.booleans(),
    extra=st.dictionaries(WORDS, st.none() | WORDS, max_size=2),
)
JOBS = st.builds(
    lambda request, status: ExportJob.parse({"id": 1, "status": status, **request.to_body()}), REQUESTS, WORDS
)
DATASETS = st.builds(
    lambda one, schema, tags: Dataset.parse(
        one or "d", {"schemaRef": {"id": schema}, "tags": {"unifiedProfile": tags}}
    ),
    st.sampled_from(["a", "d", "crm"]),
    MAYBE | st.just("https://ns.adobe.com/xdm/context/profile__union"),
    st.lists(WORDS | st.just("enabled:true"), max_size=2),
)


def listed(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Listed[Any]]:
    return st.builds(Listed, st.lists(items, max_size=3).map(tuple), st.booleans(), MOMENTS)


FIELDS = listed(st.builds(FieldPath, path=WORDS, type=WORDS, has_children=st.booleans()))
ANY_FACTS = st.builds(
    PlatformFacts,
    sandbox_name=st.sampled_from(["prod", "dev-1"]),
    now=st.datetimes(timezones=st.just(UTC)),
    production=st.none() | st.booleans(),
    target=st.none() | DATASETS,
    target_finding=st.none() | st.just(Finding("destination.datasetId", "Gone.", "Look.")),
    running=st.lists(JOBS, max_size=3).map(tuple),
    jobs_are_fresh=st.booleans(),
    datasets=listed(DATASETS),
    audiences=listed(
        st.builds(
            Audience,
            audience_id=WORDS,
            name=WORDS,
            supplier_id=WORDS,
            kind=st.sampled_from(["segment", "external"]),
            lifecycle=WORDS,
            merge_policy_id=MAYBE,
            evaluated_ms=MOMENTS,
            profiles=st.none() | st.integers(0),
        )
    ),
    merge_policies=listed(
        st.builds(
            MergePolicy,
            policy_id=WORDS,
            name=WORDS,
            version=st.none() | st.integers(),
            attribute_merge=st.sampled_from([BY_DATASET, ""]),
            dataset_order=st.lists(WORDS, max_size=2).map(tuple),
        )
    ),
    profile_fields=FIELDS,
    event_fields=FIELDS,
)


@given(REQUESTS, ANY_FACTS)
def test_no_request_and_no_facts_break_the_checks(request: ExportRequest, known: PlatformFacts) -> None:
    found = check_all(request, known)
    for one in found:
        assert one.cause.endswith((".", "…"))
        assert one.remedy.endswith(".")
        assert len(one.cause) + len(one.remedy) < 1_000
    errors = [one for one in check_request(request, now=known.now) if one.severity == "error"]
    assert [one for one in found if one in errors] == errors


@given(REQUESTS)
def test_without_facts_only_the_general_rules_speak(request: ExportRequest) -> None:
    assert check_all(request, NOTHING) == check_request(request, now=NOW)


def test_the_tutorials_request_is_only_doubted_for_its_old_field() -> None:
    request = ExportRequest.from_body(samples.create_body())
    assert [one.field for one in check_against(request, replace(FACTS, target=None, audiences=Listed()))] == [
        "mergePolicy.id",
        "fields",
        "additionalFields.eventList.fields",
    ]


def test_a_full_sandbox_is_checked_in_no_time() -> None:
    known = replace(
        FACTS,
        audiences=complete(*(replace(ALPHA, audience_id=f"a{number}") for number in range(5_000))),
        profile_fields=complete(*(FieldPath(f"branch{number % 100}.f{number}", "string") for number in range(10_000))),
    )
    request = replace(REQUEST, segments=(Segment("a4999", None, REALIZED),), fields=",".join("xy" * 3_000))
    began = time.perf_counter()
    found = check_all(request, known)
    assert brief(found) == [("warning", "fields")]
    assert time.perf_counter() - began < 0.25
