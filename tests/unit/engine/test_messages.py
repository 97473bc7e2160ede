"""Whatever a child says, the supervisor gets a message or a BadMessage."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.messages import (
    BadMessage,
    Failed,
    Guest,
    Image,
    Message,
    Progress,
    Summary,
    from_line,
    to_line,
)
from analyzer.engine.tasks import ImageFiles, Limits, Request, Task, guest_task_id, step_task_id

SUMMARY = Summary(rows={"event": 3}, systems=[{"id": "a!/p1", "label": "x"}],
                  guests=[Guest("g1", "DC01 @ \udc80\x1b", {"a": [1]}, 2)],
                  images=[Image("a.E01", {"size": 5})], coverage={"read": 2}, bugs=1, lost=0)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@pytest.mark.parametrize("message", [
    Progress("a", "b", 1, 2), Failed("OUT-ENOSPC", "full"), SUMMARY, Summary()])
def test_messages_come_back(message: Message) -> None:
    line = to_line(message)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert from_line(line) == message


@given(st.binary())
def test_any_bytes(line: bytes) -> None:
    with pytest.raises(BadMessage):
        from_line(line)


@given(st.sampled_from(["progress", "failed", "summary"]), st.data())
def test_any_content(kind: str, data: st.DataObject) -> None:
    names = {"progress": ["step", "note", "done", "total"], "failed": ["code", "what"],
             "summary": list(json.loads(to_line(Summary()))["summary"])}[kind]
    content = {name: data.draw(JSON) for name in names}
    try:
        message = from_line(json.dumps({kind: content}).encode())
    except BadMessage:
        return
    assert isinstance(message, Progress | Failed | Summary)


@pytest.mark.parametrize("change", [
    {"guests": [{"key": "../../x", "label": "", "state": {}, "inside": 0}]},
    {"guests": [{"key": ".hidden", "label": "", "state": {}, "inside": 0}]},
    {"guests": [{"key": "a/b", "label": "", "state": {}, "inside": 0}]},
    {"guests": [{"key": "a", "label": "", "state": {}, "inside": -1}]},
    {"guests": [{"key": "a", "label": "", "state": {}, "inside": 0}] * 5000},
    {"rows": {"../x": 1}}, {"rows": {"event": True}}, {"rows": {"event": 1 << 70}},
    {"images": [{"name": "a", "data": {"disk": {"signature": 1, "places": [[None]]}}}]},
    {"images": [{"name": "a", "data": {"disk": {"signature": None, "places": [], "known": [],
                                                "windows": ["../p1"]}}}]},
    *({"images": [{"name": "a", "data": {"lost": lost}}]} for lost in (
        [[0]], [0], [[0, -1]], [[0, "1"]], {"0": 1}, [[0, 1]] * 5_000)),
    {"bugs": "1"}, {"systems": [1]}, {"images": [{"name": 1, "data": {}}]}])
def test_what_no_sound_child_says(change: dict[str, object]) -> None:
    content = json.loads(to_line(SUMMARY))["summary"] | change
    with pytest.raises(BadMessage):
        from_line(json.dumps({"summary": content}).encode())


def test_deep_nesting() -> None:
    with pytest.raises(BadMessage):
        from_line(b"[" * 1_000_000)


def test_requests_come_back() -> None:
    request = Request(Task("h1.0-g", "system", "DC01 \udc80", ("a", "find guests"), "x!/p1",
                           ({"state": {}, "inside": 0},)),
                      "case", (ImageFiles("a.E01", ("/x/a.E01", "b"), ((0, 512),)),), Limits(),
                      verify=True)
    assert Request.from_line(request.to_line()) == request


def test_task_ids_are_file_names_of_bounded_length() -> None:
    task_id = "h1"
    seen = set()
    for depth in range(8):
        task_id = guest_task_id(task_id, f"0-{'k' * 119}{depth}")
        seen.add(task_id)
        assert len(step_task_id(task_id, "some_plugin_with_a_name") + ".parquet") < 250
    assert len(seen) == 8
