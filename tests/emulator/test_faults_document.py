"""Faults and scripts as they are written down: every key is read, every slip is named."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.test_faults_on_the_wire import GIVEN
from tui_app.emulator.faults.document import DocumentError, SlipsError, described, fault, script, steering
from tui_app.emulator.faults.effect import Group
from tui_app.emulator.faults.faults import Fault, Faults
from tui_app.emulator.faults.instead import Status
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.world.scripts import Script

if TYPE_CHECKING:
    from collections.abc import Callable

WHEN = {
    "path": "/data/*",
    "method": "GET",
    "times": 2,
    "after": 1,
    "probability": 0.5,
    "from_s": 1,
    "until_s": 9.5,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_its_keys_and_shows_them_again(kind: str) -> None:
    for keys in GIVEN[kind]:
        made = Faults().add(fault({"kind": kind} | keys | WHEN))
        shown = described(made)
        assert {name: shown[name] for name in WHEN} == WHEN
        assert {name: shown[name] for name in keys} == keys
        assert (shown["id"], shown["met"], shown["spent"]) == (1, 0, False)
        again = fault({name: value for name, value in shown.items() if name not in {"id", "met", "spent"}})
        assert described(again) == shown | {"id": 0}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_every_key_of_a_kind_has_a_reader_and_every_kind_words_for_itself(kind: Any) -> None:
    assert set(kind.keys) == {each.name for each in dataclasses.fields(kind)}
    assert kind.__doc__
    assert isinstance(kind.group, Group)
    assert 0 < len(kind.says) <= 66
    assert all(key.says for key in kind.keys.values())
    assert not set(kind.keys) & set(Fault.keys)


def test_a_document_holds_faults_and_scripts() -> None:
    text = """
    [[fault]]
    kind = "status"
    status = 503
    [fault.headers]
    Retry-After = "5"

    [[fault]]
    kind = "count"

    [[job]]
    outcome = "fail-write"
    segment = "s1"
    dataset = "5b020a27e7040801dedba61b"
    times = 3
    stages = { queue = 5, write = 0.5 }

    [[job]]
    outcome = "ok"
    """
    asked = steering(tomllib.loads(text))
    assert asked.faults[0].effect == Status(503, headers={"Retry-After": "5"})
    assert asked.scripts == (
        Script("fail-write", {"queue": 5, "write": 0.5}, "5b020a27e7040801dedba61b", "s1", 3),
        Script(),
    )
    assert steering({}).faults == ()


WRONG: list[tuple[Callable[[Any], Any], Any, tuple[str, ...], str]] = [
    (fault, {}, ("kind",), "is missing; it is one of status, throttle"),
    (fault, {"kind": "statsu"}, ("kind",), "did you mean status?"),
    (fault, {"kind": 5}, ("kind",), "must be one of status"),
    (fault, {"kind": "status"}, ("status",), "is missing; status needs it, and it must be a whole number from 200"),
    (fault, {"kind": "status", "status": "503"}, ("status",), "whole number from 200 to 599, not '503'"),
    (fault, {"kind": "status", "status": 503, "shap": "ups"}, ("shap",), "did you mean shape?"),
    (fault, {"kind": "status", "status": 503, "keep": 5}, ("keep",), "its keys are kind, status, shape, body"),
    (fault, {"kind": "drip", "bytes_a_second": 0}, ("bytes_a_second",), "a number from 0.01"),
    (fault, {"kind": "wait", "seconds": 10**400}, ("seconds",), "not 1000"),
    (fault, {"kind": "wait", "seconds": 1 << 20_000}, ("seconds",), "not a number of thousands of digits"),
    (fault, {"kind": "skew", "seconds": 1e12}, ("seconds",), "from -31536000 to 31536000, not"),
    (fault, {"kind": "html", "times": "twice"}, ("times",), "whole number from 1"),
    (fault, {"kind": "html", "until_s": 5, "from_s": 6}, ("until_s",), "later than from_s"),
    (fault, {"kind": "redirect", "to": "https://platform.adobe.io"}, ("to",), "nobody's"),
    (fault, {"kind": "status", "status": 200, "body": "see adobe.io"}, ("body",), "looks like Adobe's own"),
    (fault, {"kind": "status", "status": 200, "body": tomllib.loads("a = 2026-01-01")}, ("body",), "sent as JSON"),
    (fault, "status", (), "must be a table with the key kind"),
    (script, {"outcome": "odd"}, ("outcome",), "one of ok, fail-export"),
    (script, {"outcme": "ok"}, ("outcme",), "did you mean outcome?"),
    (script, {"stages": 5}, ("stages",), "table of seconds by queue, export"),
    (script, {"stages": {"queue": -1}}, ("stages", "queue"), "a number from 0"),
    (script, {"stages": {"quene": 1}}, ("stages", "quene"), "did you mean queue?"),
    (script, {"dataset": ""}, ("dataset",), "an id"),
    (script, {"segment": 7}, ("segment",), "an id"),
    (script, {"stages": {"queue": "x"}}, ("stages", "queue"), "from 0 to 31622400, not 'x'"),
    (script, {"times": 0}, ("times",), "whole number from 1"),
    (script, [], (), "must be a table"),
    (fault, {"kind": "html", "method": "FETCH"}, ("method",), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (fault, {"kind": "html", "method": "get"}, ("method",), "in capitals"),
    (fault, {"kind": "html", "method": "X*"}, ("method",), "not 'X*'"),
    (fault, {"kind": "html", "path": "/emulator"}, ("path",), "none below /emulator, which no fault disturbs"),
    (fault, {"kind": "html", "path": "/emulator/state"}, ("path",), "none below /emulator, which no fault disturbs"),
    (fault, {"kind": "html", "path": "/emulator*"}, ("path",), "none below /emulator, which no fault disturbs"),
    (fault, {"kind": "html", "status": 204}, ("status",), "has no body"),
    (fault, {"kind": "headers"}, ("add",), "is missing or empty, and so are remove and twice"),
    (fault, {"kind": "headers", "add": {}}, ("add",), "is missing or empty, and so are remove and twice"),
    (fault, {"kind": "headers", "remove": ["Content-Length"]}, ("remove",), "without Content-Length"),
    (fault, {"kind": "headers", "twice": ["x y"]}, ("twice",), "a list of names of headers"),
    (fault, {"kind": "skew", "seconds": 0}, ("seconds",), "must not be 0"),
    (fault, {"kind": "status", "status": 200, "body": 5}, ("body",), "a text, or a table or list"),
    (fault, {"kind": "status", "status": 200, "body": True}, ("body",), "a text, or a table or list"),
    (
        fault,
        {"kind": "html", "from_s": 31_622_400.5, "until_s": 1},
        ("until_s",),
        "must be later than from_s, which is 31622400.5",
    ),
    (fault, {"kind": "wait", "seconds": 1e12}, ("seconds",), "not 1000000000000"),
    (fault, {"kind": "wait", "seconds": 3.16224e17}, ("seconds",), "not 316224000000000000"),
    (script, {}, (), "asks for nothing; give it outcome or stages"),
    (script, {"segment": "s1", "stages": {}}, (), "asks for nothing; give it outcome or stages"),
]


def test_everything_that_is_wrong_in_a_document_is_named_at_once() -> None:
    with pytest.raises(SlipsError) as caught:
        steering(
            {
                "fault": [
                    {"kind": "html"},
                    {"kind": "status", "shap": "ups", "shape": "odd", "times": 0},
                    {"kind": "x", "times": 0},
                    {"kind": "reset", "keep": 5, "method": "FETCH"},
                    {"kind": "reset", "at": "nowhere", "path": "/emulator", "from_s": 6, "until_s": 5},
                    {"kind": "headers", "ad": {}, "from_s": 6, "until_s": 5},
                    5,
                ],
                "job": [{}, {"outcome": "odd", "stages": {"x": 1, "queue": "y"}, "time": 2}],
                "faults": [],
            }
        )
    assert [one.path for one in caught.value.slips] == [
        ("faults",),
        ("fault", "2", "shap"),
        ("fault", "2", "shape"),
        ("fault", "2", "times"),
        ("fault", "2", "status"),
        ("fault", "3", "kind"),
        ("fault", "3", "times"),
        ("fault", "4", "method"),
        ("fault", "4", "keep"),
        ("fault", "5", "at"),
        ("fault", "5", "path"),
        ("fault", "5", "until_s"),
        ("fault", "6", "ad"),
        ("fault", "6", "add"),
        ("fault", "6", "until_s"),
        ("fault", "7"),
        ("job", "1"),
        ("job", "2", "outcome"),
        ("job", "2", "stages", "x"),
        ("job", "2", "stages", "queue"),
        ("job", "2", "time"),
    ]
    assert str(caught.value).count("\n") == 20


OF_DOCUMENTS: list[tuple[Any, tuple[str, ...], str]] = [
    ({"faults": []}, ("faults",), "write [[fault]] or [[job]]"),
    ({"fault": {"kind": "html"}}, ("fault",), "two brackets"),
    ({"fault": [{"kind": "html"}, {"kind": "x"}]}, ("fault", "2", "kind"), "must be one of"),
    ({"job": [{"outcome": "ok"}] * 2 + [{"stages": {"x": 1}}]}, ("job", "3", "stages", "x"), "is not a stage"),
    ({"fault": [{"kind": "count"}] * 1_001}, ("fault",), "1000 is the most"),
]


@pytest.mark.parametrize(("written", "path", "cause"), OF_DOCUMENTS)
def test_a_slip_in_a_document_is_named_with_its_table(written: Any, path: tuple[str, ...], cause: str) -> None:
    with pytest.raises(SlipsError) as caught:
        steering(written)
    (slip,) = caught.value.slips
    assert slip.path == path
    assert cause in slip.cause


@pytest.mark.parametrize("method", ["*", "P*", "GET", "*T", "OPTIONS"])
def test_a_method_may_be_a_pattern(method: str) -> None:
    assert fault({"kind": "html", "method": method}).method == method


def test_a_path_may_begin_like_the_control_endpoint() -> None:
    assert fault({"kind": "html", "path": "/emulators"}).path == "/emulators"


@pytest.mark.parametrize(("read", "written", "path", "cause"), WRONG)
def test_a_slip_is_named_with_what_is_allowed(
    read: Callable[[Any], Any], written: Any, path: tuple[str, ...], cause: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        read(written)
    assert caught.value.path == path
    assert cause in caught.value.cause
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


def test_a_table_is_called_by_its_number() -> None:
    with pytest.raises(SlipsError, match=r"^\[\[fault\]\] number 2, key status: must be"):
        steering({"fault": [{"kind": "html"}, {"kind": "status", "status": 1}]})
    with pytest.raises(SlipsError, match=r"^\[\[job\]\] number 1, key stages\.queue: must be"):
        steering({"job": [{"stages": {"queue": "x"}}]})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(KINDS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
keys_of_all = sorted({key for kind in KINDS.values() for key in kind.keys} | set(Fault.keys) | {"outcome", "stages"})
tables = st.dictionaries(st.sampled_from(["kind", *keys_of_all]) | st.text(), anything, max_size=4)


@settings(max_examples=400, deadline=None)
@given(
    written=tables,
    kind=st.sampled_from(list(KINDS)),
    key=st.sampled_from(keys_of_all),
    value=anything,
)
def test_whatever_is_written_is_read_or_refused(written: Any, kind: str, key: str, value: Any) -> None:
    for read, table in ((fault, written), (fault, {"kind": kind, key: value}), (script, written), (steering, written)):
        said: tuple[str, ...] = ()
        try:
            read(table)
        except DocumentError as error:
            said = (str(error),)
        except SlipsError as error:
            said = tuple(map(str, error.slips))
            assert said
        assert all(one.isprintable() for one in said)
