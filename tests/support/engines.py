"""Builds a real engine over a real history and a scripted platform, for tests of whatever stands on the engine."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from tests.support.clock import START, drain
from tests.support.lookups import FakeLists
from tui_app.api.errors import ConflictError, ConnectError, InterruptedAnswerError, NotFoundError
from tui_app.api.stats import RequestStats
from tui_app.clock import now_ms
from tui_app.config import Connection
from tui_app.config.templates import Templates
from tui_app.engine.engine import Engine
from tui_app.engine.session import Policy
from tui_app.history.database import InPlace
from tui_app.history.history import History
from tui_app.models.batch import Batch
from tui_app.models.catalog import PROFILE_UNION, Dataset, Sandbox
from tui_app.models.export_job import ExportJob, JobPage, is_terminal, normal_status
from tui_app.tui.app import AepxApp
from tui_app.tui.key_order import KeyOrder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_app.api.client import AepClient
    from tui_app.api.errors import ApiError
    from tui_app.clock import Clock
    from tui_app.models.data_access import RemoteFile

T = TypeVar("T")
Json = dict[str, Any]

START_MS: Final = int(START.timestamp() * 1000)
"""Where a `FakeClock` starts, epoch ms."""
DATASET: Final = "65e0c0ffee0123456789abcd"
ORG: Final = "0123456789ABCDEF01234567@AdobeOrg"
HOSTILE: Final = (
    "[/x]",
    "[bold red]not markup[/]",
    "\x1b[31mred\x1b]52;c;aGk=\x07",
    "a\u202eb\u200b\x9bc",
    "輸出任務失敗了",
    "👩‍👩‍👧‍👦 done ✅",
    "x" * 300,
    "line one\nline two\ttab",
    "$primary {brace} %s \\",
)
"""Texts that a careless screen obeys, loses or is broken by."""


def job(
    job_id: int | str = 24115,
    status: str = "SUCCEEDED",
    *,
    stage: str = "finish",
    created_ms: int = START_MS - 20 * 60_000,
    step_ms: int = 60_000,
    **fields: object,
) -> Json:
    """Return a job's record as the platform writes it.

    Args:
        job_id: its id.
        status: as on the wire.
        stage: the stage it has reached; the timers say so. Each stage before it took `step_ms`.
        created_ms: creation, epoch ms.
        step_ms: milliseconds each stage takes.
        fields: keys of the record to set or replace; None takes one out.
    """
    marks = [created_ms + step_ms * place for place in range(6)]
    reached = ("queue", "export", "gap", "write", "finish").index(stage)
    ended = marks[reached + 1] if is_terminal(normal_status(status)) else None
    metrics: Json = {"totalTime": _timer(created_ms, ended)}
    if reached >= 1:
        metrics["profileExportTime"] = _timer(marks[1], marks[2] if reached > 1 else None)
    if reached >= 3:
        metrics["aCPDatasetWriteTime"] = _timer(marks[3], marks[4] if reached > 3 else None)
    record: Json = {
        "profileInstanceId": "ups",
        "jobType": "BATCH",
        "id": job_id,
        "schema": {"name": "_xdm.context.profile"},
        "filter": {"segments": [{"segmentId": "4edc8488-2c35-4f6d-b4c6-9075c68d2df4", "segmentNs": "ups"}]},
        "mergePolicy": {"id": "0bf16e61-90e9-4204-b8fa-ad250360957b", "version": 1},
        "status": status,
        "requestId": "IwkVcD4RupdSmX376OBVORvcvTdA4ypN",
        "computeGatewayJobId": {"exportJob": "305a2e5c-2cf3-4746-9b3d-3c5af0437754"} if reached else {},
        "metrics": metrics,
        "destination": {"datasetId": DATASET, "segmentPerBatch": False, "batchId": "da5cfb4de32c4b93a09f7e37fa53ad52"},
        "creationTime": created_ms,
        "updateTime": ended or marks[reached],
        "imsOrgId": ORG,
    }
    record.update(fields)
    return {key: value for key, value in record.items() if value is not None}


def _timer(start: int, end: int | None) -> Json:
    if end is None:
        return {"startTimeInMs": start}
    return {"startTimeInMs": start, "endTimeInMs": end, "totalTimeInMs": end - start}


def dataset(name: str = "Loyalty export", *, schema_id: str = PROFILE_UNION, **fields: object) -> Json:
    """Return a dataset's record as Catalog writes it, on the union schema unless told otherwise."""
    return {"name": name, "schemaRef": {"id": schema_id}, "created": START_MS, "tags": {}, **fields}


def offline() -> ConnectError:
    """Return the error of a connection that did not come about."""
    return ConnectError("The platform cannot be reached.", cause="Connection refused.", next_step="Check the network.")


def answer_lost() -> InterruptedAnswerError:
    """Return the error of a connection that died after the request had left."""
    return InterruptedAnswerError(
        "The answer was cut off.",
        cause="The connection was closed.",
        next_step="Look before trying again.",
        ambiguous=True,
    )


def unknown(what: str) -> NotFoundError:
    """Return the platform's 404."""
    return NotFoundError(
        f"{what} could not be read.", status=404, cause="No such thing.", next_step="Check the id and the sandbox."
    )


@dataclass(slots=True)
class _Fault:
    error: ApiError
    happens: bool


class FakePlatform:
    """Answers what `AepClient` is asked, from records a test may change at any time.

    Calls are named as on the client: `export_jobs.get`, `catalog.create_dataset`, `sandboxes.list` and so on.

    Attributes:
        jobs: records by id.
        datasets: records by id.
        batches: records by id.
        files: by batch id.
        sandbox_records: what the sandbox list answers.
        calls: every call with its main argument (id, body, offset), in order.
    """

    def __init__(self, clock: Clock, *, jobs: Iterable[Json] = ()) -> None:
        self.clock = clock
        self.jobs: dict[str, Json] = {}
        self.datasets: dict[str, Json] = {DATASET: dataset()}
        self.batches: dict[str, Json] = {}
        self.files: dict[str, tuple[RemoteFile, ...]] = {}
        self.sandbox_records: list[Json] = [{"name": "prod", "title": "Production", "type": "production"}]
        self.calls: list[tuple[str, object]] = []
        self.cancel_message = ""
        self.server_clock_skew_s: float | None = None
        self.closed = False
        self._faults: defaultdict[str, deque[_Fault]] = defaultdict(deque)
        self._standing: dict[str, ApiError] = {}
        self._held: dict[str, asyncio.Event] = {}
        self.export_jobs = _ExportJobs(self)
        self.catalog = _Catalog(self)
        self.sandboxes = _Sandboxes(self)
        self.data_access = _DataAccess(self)
        self.put(*jobs)

    # What a test scripts

    def put(self, *records: Json) -> None:
        """Add jobs, or replace those of the same id."""
        for record in records:
            self.jobs[str(record["id"])] = deepcopy(record)

    def change(self, job_id: int | str, **fields: object) -> None:
        """Set fields of a job's record."""
        self.jobs[str(job_id)].update(deepcopy(fields))

    def forget(self, job_id: int | str) -> None:
        """Let the platform know a job no longer: 404."""
        del self.jobs[str(job_id)]

    def fail(self, call: str, error: ApiError, *, times: int | None = 1, happens: bool = False) -> None:
        """Let a call fail the next `times` times, or until `mend` with None.

        Args:
            call: its name.
            error: what it raises.
            times: how often.
            happens: the call has its effect before it fails, as when only the answer is lost.
        """
        if times is None:
            self._standing[call] = error
        else:
            self._faults[call].extend([_Fault(error, happens)] * times)

    def mend(self, call: str) -> None:
        """Let a call work again."""
        self._standing.pop(call, None)
        self._faults.pop(call, None)

    def hold(self, call: str) -> asyncio.Event:
        """Keep a call waiting until the returned event is set."""
        return self._held.setdefault(call, asyncio.Event())

    def asked(self, call: str) -> list[object]:
        """Return the main arguments of every call of a name."""
        return [argument for name, argument in self.calls if name == call]

    # What the engine uses besides the resources

    @property
    def stats(self) -> RequestStats:
        """The figures of a client."""
        return RequestStats(sent=len(self.calls))

    async def aclose(self) -> None:
        """Close."""
        self.closed = True

    async def begin(self, call: str, argument: object) -> _Fault | None:
        """Note a call, keep it waiting if a test wants that, and fail as scripted; a fault that happens is returned."""
        self.calls.append((call, argument))
        if call in self._held:
            await self._held[call].wait()
            self._held.pop(call, None)
        if call in self._standing:
            raise self._standing[call]
        fault = self._faults[call].popleft() if self._faults[call] else None
        if fault is not None and not fault.happens:
            raise fault.error
        return fault


def _ended(value: T, fault: _Fault | None) -> T:
    if fault is not None:
        raise fault.error
    return value


class _ExportJobs:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def create(self, body: Json) -> ExportJob:
        platform = self._platform
        fault = await platform.begin("export_jobs.create", deepcopy(body))
        now = now_ms(platform.clock)
        number = max((int(one) for one in platform.jobs if one.isdecimal()), default=24115) + 1
        made = job(number, "NEW", stage="queue", created_ms=now)
        made |= {key: deepcopy(body[key]) for key in ("filter", "mergePolicy", "destination") if key in body}
        platform.put(made)
        return _ended(ExportJob.parse(deepcopy(made)), fault)

    async def list_page(
        self,
        *,
        limit: int = 100,
        offset: str | None = None,
        status: str | None = None,
        arrived: Callable[[str | None], Awaitable[None]] | None = None,
    ) -> JobPage:
        platform = self._platform
        fault = await platform.begin("export_jobs.list_page", offset)
        newest = sorted(platform.jobs.values(), key=lambda one: one.get("creationTime") or 0, reverse=True)
        found = [one for one in newest if status is None or one.get("status") == status]
        start = int(offset or 0)
        end = start + limit
        page: Json = {"records": deepcopy(found[start:end])}
        if end < len(found):
            page["link"] = {"next": f"/export/jobs/?limit={limit}&offset={end}"}
        found_page = _ended(JobPage.parse(page), fault)
        if arrived is not None:
            await arrived(found_page.next_offset)
        return found_page

    async def get(self, job_id: str) -> ExportJob:
        fault = await self._platform.begin("export_jobs.get", job_id)
        return _ended(ExportJob.parse(deepcopy(self._record(job_id))), fault)

    async def cancel(self, job_id: str) -> str:
        fault = await self._platform.begin("export_jobs.cancel", job_id)
        if is_terminal(normal_status(self._record(job_id).get("status"))):
            raise ConflictError(
                f"Export job {job_id} could not be cancelled.",
                status=409,
                cause="It has ended.",
                next_step="Look at it again.",
            )
        return _ended(self._platform.cancel_message, fault)

    def _record(self, job_id: str) -> Json:
        if job_id not in self._platform.jobs:
            raise unknown(f"Export job {job_id}")
        return self._platform.jobs[job_id]


class _Catalog:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def create_dataset(self, body: Json) -> str:
        platform = self._platform
        fault = await platform.begin("catalog.create_dataset", deepcopy(body))
        dataset_id = f"65e0c0ffee0123456789{len(platform.datasets):04d}"
        platform.datasets[dataset_id] = deepcopy(body) | {"created": now_ms(platform.clock)}
        return _ended(dataset_id, fault)

    async def validate_dataset(self, body: Json) -> str | None:
        return _ended(None, await self._platform.begin("catalog.validate_dataset", deepcopy(body)))

    async def list_datasets(
        self, *, limit: int = 100, start: int = 0, properties: Sequence[str] = (), name: str | None = None
    ) -> tuple[Dataset, ...]:
        platform = self._platform
        fault = await platform.begin("catalog.list_datasets", name)
        found = [
            Dataset.parse(one, deepcopy(raw))
            for one, raw in platform.datasets.items()
            if name is None or raw.get("name") == name
        ]
        return _ended(tuple(found[start : start + limit]), fault)

    async def get_dataset(self, dataset_id: str) -> Dataset:
        fault = await self._platform.begin("catalog.get_dataset", dataset_id)
        if dataset_id not in self._platform.datasets:
            raise unknown(f"Dataset {dataset_id}")
        return _ended(Dataset.parse(dataset_id, deepcopy(self._platform.datasets[dataset_id])), fault)

    async def get_batch(self, batch_id: str) -> Batch:
        fault = await self._platform.begin("catalog.get_batch", batch_id)
        if batch_id not in self._platform.batches:
            raise unknown(f"Batch {batch_id}")
        return _ended(Batch.parse(batch_id, deepcopy(self._platform.batches[batch_id])), fault)

    async def list_batches(
        self, *, dataset_id: str, created_from_ms: int, limit: int = 100, start: int = 0
    ) -> tuple[Batch, ...]:
        fault = await self._platform.begin("catalog.list_batches", dataset_id)
        found = [Batch.parse(one, deepcopy(raw)) for one, raw in self._platform.batches.items()]
        kept = [one for one in found if one.dataset_id in (None, dataset_id)]
        return _ended(tuple(kept[start : start + limit]), fault)


class _DataAccess:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def batch_files(self, batch_id: str) -> tuple[RemoteFile, ...]:
        fault = await self._platform.begin("data_access.batch_files", batch_id)
        return _ended(self._platform.files.get(batch_id, ()), fault)


class _Sandboxes:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def list(self) -> tuple[Sandbox, ...]:
        fault = await self._platform.begin("sandboxes.list", None)
        return _ended(tuple(Sandbox.parse(deepcopy(one)) for one in self._platform.sandbox_records), fault)


def make_engine(
    tmp_path: Path,
    clock: Clock,
    *,
    jobs: Iterable[Json] = (),
    policy: Policy = Policy.OPEN,
    connection: Connection | None = None,
    sandbox_name: str = "prod",
) -> tuple[Engine, FakePlatform]:
    """Return an opened engine, not started, and the platform it asks.

    Args:
        tmp_path: where the history goes.
        clock: usually a `FakeClock`.
        jobs: what the platform holds; `remember` puts jobs into history.
        policy: what the sandbox allows; it counts as configured.
        connection: another than the one to nowhere.
        sandbox_name: the sandbox.
    """
    platform = FakePlatform(clock, jobs=jobs)
    FakeLists(platform)
    engine = Engine(
        connection=connection or Connection(name="acme", org_id=ORG, client_id="abc"),
        sandbox_name=sandbox_name,
        policy=policy,
        policy_is_given=True,
        connect=lambda: cast("AepClient", platform),
        history=History(tmp_path / "history.db", runner=InPlace()),
        clock=clock,
    )
    engine.open()
    return engine, platform


async def remember(engine: Engine, *records: Json) -> None:
    """Put jobs into history as if the platform had just shown them."""
    await engine._core.apply([ExportJob.parse(deepcopy(one)) for one in records], asked_ms=now_ms(engine.clock))
    await engine._core.refresh_counts()


class OneWorkspace:
    """Connections and sandboxes to switch between: none but the engine's own unless engines are added.

    Attributes:
        engines: engines to hand out, by sandbox name.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.engines: dict[str, Engine] = {engine.session.sandbox_name: engine}
        self.templates = Templates(engine._core.history.database.path.parent / "templates")

    @property
    def connections(self) -> Sequence[str]:
        return (self._engine.session.connection.name,)

    async def sandboxes(self, connection_name: str) -> tuple[Sandbox, ...]:
        return await self._engine.datasets.sandboxes()

    async def open(
        self, connection_name: str, sandbox_name: str, *, told: Callable[[str], None] | None = None
    ) -> Engine:
        return self.engines[sandbox_name]


def make_app(engine: Engine, *, live: bool = False) -> AepxApp:
    """Return the app on an engine; without `live` its loops do not run, so only what a test does happens."""
    return AepxApp(engine, OneWorkspace(engine), live=live)


async def keys_gone(pilot: Pilot[Any]) -> None:
    """Wait until every key that was pressed has been dealt with."""
    order = getattr(pilot.app, "key_order", None)
    while isinstance(order, KeyOrder) and not order.is_quiet:  # noqa: ASYNC110 - other tasks move it on
        await asyncio.sleep(0)


async def settle(pilot: Pilot[Any], engine: Engine, rounds: int = 3) -> None:
    """Wait until the engine is quiet and the screens have drawn what it published."""
    for _ in range(rounds):
        await keys_gone(pilot)
        await drain()
        await engine.activity.settled()
        await pilot.pause(0)


def screen_text(pilot: Pilot[Any]) -> str:
    """Return what the terminal shows, one line a row, blanks at the ends cut off."""
    width, height = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip).rstrip() for strip in strips[:height]]
    assert width > 0
    return "\n".join(lines)
