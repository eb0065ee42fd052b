"""What a person does with an `Event` or an `EventBatch` as with any frozen, or any plain, dataclass."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from datetime import UTC, datetime

import pandas as pd
import pytest

from sse_widget import Event, EventBatch, EventStreamParser

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = Event("tick", '{"n": 1}', "7", "http://a", AT, 3)
FIELDS = ["type", "data", "last_event_id", "origin", "received_at", "seq"]


def test_an_event_never_changes_and_says_how_another_is_made():
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"dataclasses\.replace\(it, data="):
        EVENT.data = "x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del EVENT.data
    with pytest.raises(AttributeError, match="did you mean 'data'"):
        EVENT.dta = "x"
    assert EVENT.data == '{"n": 1}'


def test_an_event_is_a_value():
    same = Event(**{name: getattr(EVENT, name) for name in FIELDS})
    assert same == EVENT
    assert hash(same) == hash(EVENT)
    assert dataclasses.replace(EVENT, seq=4) != EVENT
    assert tuple(getattr(EVENT, name) for name in FIELDS) != EVENT
    assert eval(repr(Event("a", "b", "1"))) == Event("a", "b", "1")
    with pytest.raises(TypeError):
        _ = same < EVENT


def test_an_event_is_a_dataclass_to_those_who_ask():
    assert dataclasses.is_dataclass(EVENT)
    assert [field.name for field in dataclasses.fields(EVENT)] == FIELDS
    assert dataclasses.asdict(EVENT) == {name: getattr(EVENT, name) for name in FIELDS}
    assert dataclasses.replace(EVENT, data="x") == Event("tick", "x", "7", "http://a", AT, 3)
    assert list(pd.DataFrame([EVENT, EVENT]).columns) == FIELDS
    assert list(inspect.signature(Event).parameters) == FIELDS


def test_an_event_is_matched_by_position_and_by_name():
    match EVENT:
        case Event("tick", data, last_event_id=id_):
            assert (data, id_) == ('{"n": 1}', "7")
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("value", [EVENT, EventBatch(["a"], ["b"], [""], [False], comments=["c"])])
def test_values_are_copied_and_pickled(value):
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert other == value
        assert repr(other) == repr(value)


def batches() -> list[EventBatch]:
    """A batch of each way that the parser has to make one."""
    fed = EventStreamParser().feed
    return [
        fed(chunk) for chunk in (b"\n", b"", b"data: a\n\n", b": c\n\n", b"data: a\n\ndata: b\n\n")
    ]


@pytest.mark.parametrize("made", batches(), ids=["blank", "nothing", "one", "comment", "two"])
def test_however_a_batch_was_made_it_is_the_same_value(made):
    plain = EventBatch(
        list(made.types),
        list(made.data),
        list(made.last_event_ids),
        list(made.has_id),
        comments=list(made.comments),
    )
    for other in (plain, pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert other == made
        assert made == other
        assert repr(other) == repr(made)
        assert list(other) == list(made)
    assert list(made) == [Event(data=data) for data in made.data]
    assert made != EventBatch(["z"], ["z"], ["z"], [True])


def test_a_batch_whose_columns_were_changed_gives_what_they_say():
    batch = EventStreamParser().feed(b"data: a\n\n")
    for column, value in ((batch.types, "x"), (batch.data, "b"), (batch.last_event_ids, "1")):
        column.append(value)
    assert list(batch) == [Event(data="a"), Event("x", "b", "1")]
    batch.data.pop()
    with pytest.raises(ValueError, match="2 types, 1 data and 2 ids"):
        list(batch)


def test_events_of_a_batch_have_its_origin_and_time():
    for chunk in (b"data: a\n\n", b"data: a\n\ndata: a\n\n"):
        batch = EventStreamParser().feed(chunk)
        batch.origin, batch.received_at = "http://a", AT
        assert set(batch) == {Event(data="a", origin="http://a", received_at=AT)}
