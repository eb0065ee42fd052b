"""The messages of the kernel have the fields that the page reads: no more, no fewer, of the same types."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest

from sse_widget import SSEStream
from sse_widget.notebook import messages

from ..helpers.pages import head

WIRE = Path(__file__).parents[2] / "js/src/kernel/wire.ts"
NAMES = {
    "Stats": messages.StatsMessage,
    "Status": messages.StatusMessage,
    "Gap": messages.GapMessage,
    "Capture": messages.CaptureMessage,
    "Head": messages.HeadMessage,
    "Rows": messages.RowsMessage,
}
OF_PYTHON = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}


def of_page(name):
    """Field -> (its types, whether it may be left out), as wire.ts says."""
    text = re.sub(r"/\*.*?\*/", "", WIRE.read_text("utf-8"), flags=re.S)
    body = re.search(rf"export interface {name} {{(.*?)\n}}", text, re.S)[1]
    fields = re.findall(r"^\s*(\w+)(\??): (.*);$", body, re.M)
    return {field: (page_types(said), bool(mark)) for field, mark, said in fields}


def page_types(said):
    if said.endswith("[]"):
        return {"array"}
    found = set()
    for one in said.split(" | "):
        if one.startswith('"') or one == "State":
            found.add("string")
        else:
            found.add(one if one in OF_PYTHON.values() else "object")
    return found


def of_kernel(kind):
    hints = typing.get_type_hints(kind)
    return {
        field: (kernel_types(hint), field in kind.__optional_keys__)
        for field, hint in hints.items()
    }


def kernel_types(hint):
    if typing.get_origin(hint) is types.UnionType:
        return set().union(*map(kernel_types, typing.get_args(hint)))
    if typing.get_origin(hint) is list:
        return {"array"}
    return {"object"} if typing.is_typeddict(hint) else {OF_PYTHON[hint]}


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_sends_what_the_page_reads(name):
    page, kernel = of_page(name), of_kernel(NAMES[name])
    assert page
    assert {f: of for f, (of, _) in kernel.items()} == {f: of for f, (of, _) in page.items()}
    # What the page cannot do without comes always.
    assert {f for f, (_, optional) in page.items() if not optional} <= {
        f for f, (_, optional) in kernel.items() if not optional
    }


def test_a_page_that_comes_is_told_all_of_it():
    stream = SSEStream.replay(b"data: a\n\n", speed=float("inf"))
    told = head(stream)
    stream.close()
    kinds = {"stats": messages.StatsMessage, "status": messages.StatusMessage}
    for field, kind in kinds.items():
        assert kind.__required_keys__ <= told[field].keys() <= kind.__annotations__.keys()
    assert messages.HeadMessage.__required_keys__ <= told.keys()
    assert told.keys() <= typing.get_type_hints(messages.HeadMessage).keys() | {"kind", "to", "n"}
