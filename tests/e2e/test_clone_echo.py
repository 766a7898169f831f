"""A job made over the wire is cloned to the body it was made of, however little of it the platform echoes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.served_emulator import ServedEmulator
from tui_app.clock import SystemClock
from tui_app.config import Connection, Settings
from tui_app.config.templates import Templates
from tui_app.models.catalog import DatasetRequest
from tui_app.models.export_job import MergePolicyRef, Segment
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.wiring import Workspaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_app.engine.engine import Engine

ECHO_ALL = ("openapi", "newest")
START, END = "2024-03-01T00:00:00Z", "2024-03-02T10:00:00-07:00"
POLICY = "timestampOrdered-none-mp"
FULL: dict[str, Any] = {
    "segments": (Segment("a", "ups", ("realized",)), Segment("b", "AAM", ("exited",))),
    "fields": "identityMap,personalEmail.address",
    "merge_policy": MergePolicyRef(POLICY, 1),
    "qualified_from": START,
    "qualified_to": END,
    "from_ingest": START,
    "empty_profiles": False,
    "events": EventList("environment.browserDetails.name", START, END),
    "segment_per_batch": True,
    "evaluate": True,
}


class Wire:
    """A platform of one dialect on a socket, one engine that makes jobs there, and one that only finds them."""

    def __init__(self, folder: Path, dialect: str) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._served = ServedEmulator(jobs=60, dialect=dialect)

    def __enter__(self) -> Self:
        self._served.start()
        self.ours, self.theirs = self._engine("ours"), self._engine("theirs")
        self.dataset_id = self.run(self.ours.datasets.create(DatasetRequest(name="Clones")))
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.ours.stop())
        self.run(self.theirs.stop())
        self._loop.close()
        self._served.stop()
        self._served.emulator.close()

    def run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def made(self, **asked: Any) -> tuple[ExportRequest, str]:
        request = ExportRequest(dataset_id=self.dataset_id, **asked)
        submission = self.run(self.ours.jobs.submit(request))
        assert submission.job is not None
        return request, submission.job.job_id

    def clone(self, engine: Engine, job_id: str) -> tuple[ExportRequest, tuple[str, ...]]:
        found: tuple[ExportRequest, tuple[str, ...]] = self.run(engine.jobs.request_of(job_id))
        return found

    def _engine(self, name: str) -> Engine:
        ready = self._served.emulator.ready_line(self._served.base_url)
        names = ("org_id", "client_id", "base_url", "ims_url")
        connection = Connection(name="demo", sandbox="prod", **{key: ready[key] for key in names})
        return Workspaces(
            Settings(connections={"demo": connection}),
            environ={"AEPX_CLIENT_SECRET": ready["client_secret"]},
            clock=SystemClock(),
            folder=self._folder / name,
            chosen=lambda: connection,
            templates=Templates.beside(self._folder / "config.toml"),
        ).open_now("demo", "prod")


@pytest.fixture(scope="module", params=["seed", "openapi", "newest", "mixed"])
def wire(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with Wire(tmp_path_factory.mktemp("clones"), request.param) as opened:
        yield opened


def parts() -> Iterator[Any]:
    """Give each optional part alone, all but each, all, and none."""
    yield pytest.param({}, id="nothing")
    yield pytest.param(FULL, id="everything")
    for name, value in FULL.items():
        yield pytest.param({name: value}, id=f"only {name}")
        yield pytest.param({other: FULL[other] for other in FULL if other != name}, id=f"all but {name}")


@pytest.mark.parametrize("asked", tuple(parts()))
def test_our_own_job_clones_to_the_body_that_was_sent(wire: Wire, asked: dict[str, Any]) -> None:
    request, job_id = wire.made(**asked)
    again, unknown = wire.clone(wire.ours, job_id)
    assert unknown == ()
    assert again.to_body() == request.to_body()


@pytest.mark.parametrize("asked", tuple(parts()))
def test_of_somebody_elses_job_what_differs_is_named_as_unknown(wire: Wire, asked: dict[str, Any]) -> None:
    request, job_id = wire.made(**asked)
    again, unknown = wire.clone(wire.theirs, job_id)
    differing = differences(request.to_body(), again.to_body())
    assert [path for path in differing if not is_explained(path, unknown)] == []
    assert respelled(again) == respelled(request)


@pytest.mark.parametrize("wire", ECHO_ALL, indirect=True)
@pytest.mark.parametrize("asked", tuple(parts()))
def test_where_all_is_echoed_a_foreign_job_clones_to_the_body_that_was_sent(wire: Wire, asked: dict[str, Any]) -> None:
    request, job_id = wire.made(**asked)
    again, _ = wire.clone(wire.theirs, job_id)
    sent = dict(request.to_body())
    cloned = dict(again.to_body())
    if request.merge_policy is None:
        cloned.pop("mergePolicy", None)  # told by the platform, which took one of its own
    assert cloned == sent


_moments = st.sampled_from([None, START, END])
_texts = st.none() | st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
_segments = st.lists(
    st.builds(
        Segment,
        st.text("abc-01é", min_size=1, max_size=8),
        st.sampled_from([None, "ups", "UPS", "AAM"]),
        st.lists(st.sampled_from(["realized", "existing", "exited"]), unique=True).map(tuple),
    ),
    max_size=3,
    unique_by=lambda one: one.segment_id,
).map(tuple)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    asked=st.fixed_dictionaries(
        {
            "segments": _segments,
            "fields": _texts,
            "merge_policy": st.none() | st.builds(MergePolicyRef, st.just(POLICY), st.sampled_from([None, 1, 7])),
            "from_ingest": _moments,
            "qualified_from": st.sampled_from([None, START]),
            "qualified_to": st.sampled_from([None, END]),
            "empty_profiles": st.sampled_from([None, True, False]),
            "events": st.none()
            | st.builds(EventList, _texts, st.sampled_from([None, START]), st.sampled_from([None, END])),
            "segment_per_batch": st.booleans(),
            "evaluate": st.sampled_from([None, True, False]),
        }
    )
)
def test_whatever_is_asked_comes_back_as_it_was_sent(wire: Wire, asked: dict[str, Any]) -> None:
    request, job_id = wire.made(**asked)
    again, unknown = wire.clone(wire.ours, job_id)
    assert (again.to_body(), unknown) == (request.to_body(), ())
    foreign, unsaid = wire.clone(wire.theirs, job_id)
    differing = differences(request.to_body(), foreign.to_body())
    assert [path for path in differing if not is_explained(path, unsaid)] == []
    assert respelled(foreign) == respelled(request)


def differences(sent: Any, cloned: Any) -> list[str]:
    """Return the paths of the values that two bodies do not have in common."""
    first, second = leaves(sent), leaves(cloned)
    return sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return the values of a body by their paths; a list is one value, and so is an object with nothing in it."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= leaves(inner, f"{path}.{key}" if path else key)
    return found


def is_explained(path: str, unknown: tuple[str, ...]) -> bool:
    """Tell whether a value that differs is named as unknown, or is one that the platform may set.

    The policy that the answer names is the one in force, also where another was asked for (API reference 13 row 18).
    How segments are spelled is compared apart.
    """
    if path.startswith("mergePolicy.") or path == "filter.segments":
        return True
    return any(path == one or path.startswith(f"{one}.") for one in unknown)


def respelled(request: ExportRequest) -> list[tuple[str, str, frozenset[str]]]:
    """Return the segments as a platform may spell them: its default namespace, or in capitals."""
    body = request.to_body().get("filter", {}).get("segments", [])
    return [(one["segmentId"], one.get("segmentNs", "ups").lower(), frozenset(one["status"])) for one in body]
