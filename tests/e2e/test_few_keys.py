"""A whole export job by keyboard alone at 80x24, in few keys; what arrives is what was meant, field by field."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.conftest import Open, Serve
    from tests.support.served_emulator import ServedEmulator
    from tests.support.terminal import Terminal

MOST = 60
"""Keys besides names (what is typed to be searched for, or as the name of the dataset)."""


class Keyboard:
    """Presses keys and counts them; names do not count."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.count = 0

    def press(self, *keys: str, then: str = "") -> None:
        for key in keys:
            self.terminal.press(key)
            self.count += 1
        if then:
            self.terminal.wait_for(then)
        self.terminal.until_quiet(0.1)

    def name(self, text: str, then: str) -> None:
        self.terminal.press(text)
        self.terminal.wait_for(then)
        self.terminal.until_quiet(0.1)


def tapped(platform: ServedEmulator) -> list[dict[str, Any]]:
    """Return where the bodies go that the platform makes jobs of."""
    bodies: list[dict[str, Any]] = []
    world = platform.emulator.world
    make = world.create_job

    def create_job(sandbox: Any, body: Any, **more: Any) -> Any:
        bodies.append(deepcopy(dict(body)))
        return make(sandbox, body, **more)

    world.create_job = create_job  # type: ignore[method-assign]  # only listens
    return bodies


def test_a_whole_job_takes_few_keys(aepx: Open, serve: Serve) -> None:
    platform = serve()
    bodies = tapped(platform)
    terminal = aepx(platform=platform)
    terminal.wait_for("60 jobs")
    keys = Keyboard(terminal)
    began = datetime.now(UTC)

    keys.press("n", then="makes one on the profile union")
    # Into a dataset that is made on the way.
    keys.press("ctrl-n", then="What it is called")  # said once the name has the focus
    keys.name("Night export", "Night export")
    keys.press("ctrl-j", then="Dataset +[0-9a-f]{24}")
    # Two audiences, the second of those who have left it.
    keys.press("ctrl-l", then=r"\d+ audiences, read")
    keys.name("Cart abandoners", "1 of 1 ")
    keys.press("tab", "ctrl-u", then=r"1 marked +\d+ of \d\d\d")
    keys.name("Cyclists", "1 of 2 ")
    keys.press("tab", "enter", then="Segments +2")
    terminal.wait_for("left and right go, space ticks")
    keys.press("tab", "tab", "tab", "space", "right", "space", "right", "space", then=r"\[ \] existing  \[x\] exited")
    # A merge policy.
    keys.press("down", "down", "ctrl-l", then=r"\d+ merge policies, read")
    keys.name("Default Timebased", "1 of ")
    keys.press("enter", then="Merge policy +[0-9a-f]{8}-")
    # Four field paths.
    keys.press("down", "down", "ctrl-l", then=r"\d+ profile fields, read")
    for number, path in enumerate(("identityMap", "person.name.firstName", "person.name.lastName"), 1):
        keys.name(path, "1 of ")
        keys.press("tab", "ctrl-u", then=f"{number} marked")
    keys.name("personalEmail.address", "1 of ")
    keys.press("tab", "enter", then="Fields +identityMap")
    # Events of the last seven days.
    keys.press("down", "down", "down", "down", "down", "right", then=r"\(•\) yes")
    keys.press("down", "down", "-", "7", "d", then="7d ago")
    # One batch for each segment.
    keys.press("down", "down", "right")
    keys.press("ctrl-j", then=r"(jobs > \d+|despite the warnings)")
    if "despite the warnings" in terminal.text:
        keys.press("y", then=r"jobs > \d+")
    assert keys.count < MOST, keys.count

    (body,) = bodies
    dataset_id = body["destination"]["datasetId"]
    since = body["additionalFields"]["eventList"]["filter"]["fromIngestTimestamp"]
    assert abs(datetime.fromisoformat(since) - (began - timedelta(days=7))) < timedelta(minutes=5)
    world = platform.emulator.world.sandboxes["prod"]
    found = {audience.name: audience.segment_id for audience in world.room.audiences}
    policy_id = next(policy.policy_id for policy in world.room.policies if policy.name == "Default Timebased")
    assert body == {
        "fields": "identityMap,person.name.firstName,person.name.lastName,personalEmail.address",
        "mergePolicy": {"id": policy_id},
        "filter": {
            "segments": [
                {"segmentId": found["Cart abandoners 7 days"], "segmentNs": "ups", "status": ["realized", "existing"]},
                {"segmentId": found["Cyclists"], "segmentNs": "ups", "status": ["exited"]},
            ]
        },
        "additionalFields": {"eventList": {"filter": {"fromIngestTimestamp": since}}},
        "destination": {"datasetId": dataset_id, "segmentPerBatch": True},
        "schema": {"name": "_xdm.context.profile"},
    }
    assert world.datasets[dataset_id].name == "Night export"
