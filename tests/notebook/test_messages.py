"""What the kernel and the page tell each other has the same fields on both sides: no more, no fewer, of the
same types."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest

from sse_widget import SSEStream
from sse_widget.capture import messages as of_capture
from sse_widget.fleet import WorkerRow
from sse_widget.notebook import messages

from ..helpers.pages import head

KERNEL = Path(__file__).parents[2] / "js/src/kernel"
# By the module of the page, and the name there.
NAMES = {
    "wire.Stats": messages.StatsMessage,
    "wire.Status": messages.StatusMessage,
    "wire.Gap": messages.GapMessage,
    "wire.Capture": messages.CaptureMessage,
    "wire.Head": messages.HeadMessage,
    "wire.FilesOfPage": messages.FilesMessage,
    "wire.Rows": messages.RowsMessage,
    "roster.Totals": of_capture.TotalsMessage,
    "roster.Worker": WorkerRow,
    "roster.Overview": of_capture.OverviewMessage,
    "capture_history.Found": of_capture.FoundMessage,
}
# All messages of one direction, but those that the page keeps under a name of their own.
UNIONS = {
    "wire.ToKernel": (
        messages.HelloRequest,
        messages.FilesRequest,
        messages.RowsRequest,
        messages.EventRequest,
        messages.AckRequest,
        messages.SightRequest,
        messages.CommandRequest,
    ),
    "roster.ToCapture": (
        of_capture.CommandRequest,
        of_capture.SelectRequest,
        of_capture.AckRequest,
    ),
    "capture_history.ToHistory": (
        of_capture.TimelineRequest,
        of_capture.SeekRequest,
        of_capture.FindRequest,
        of_capture.FindEndRequest,
    ),
    "capture_history.FromHistory": (
        of_capture.TimelineMessage,
        of_capture.SeekMessage,
        of_capture.FailedMessage,
    ),
}
OF_PYTHON = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}


def source(module):
    return re.sub(r"/\*.*?\*/", "", (KERNEL / f"{module}.ts").read_text("utf-8"), flags=re.S)


def fields_of(body, end):
    fields = re.findall(rf"(\w+)(\??): (.*?)(?:{end})", body, re.M)
    return {field: (page_types(said), bool(mark)) for field, mark, said in fields}


def of_page(name):
    """Field -> (its types, whether it may be left out), as the page says."""
    module, _, interface = name.partition(".")
    body = re.search(rf"export interface {interface} {{(.*?)\n}}", source(module), re.S)[1]
    return fields_of(body, ";$")


def kinds_of_page(name):
    """Kind -> its fields, for every message of a union."""
    module, _, union = name.partition(".")
    text = re.search(
        rf"export type {union} =(.*?);\n\n|export type {union} =(.*?);\nexport",
        source(module),
        re.S,
    )
    found = {}
    for body, joined in re.findall(r"{ (kind: [^}]*?) }(?: & (\w+))?", text[1] or text[2]):
        kinds, _, rest = body.partition(";")
        fields = fields_of(f"{rest};", "; ?|$")
        if joined:
            fields |= of_page(f"{module}.{joined}")
        for kind in re.findall(r'"([\w-]+)"', kinds):
            found[kind] = fields
    return found


def page_types(said):
    if said.endswith("[]"):
        return {"array"}
    found = set()
    for one in said.split(" | "):
        if one.endswith("[]") or one.startswith("["):
            found.add("array")
        elif one.startswith('"') or one == "State":
            found.add("string")
        else:
            found.add(one if one in OF_PYTHON.values() else "object")
    return found


def of_kernel(kind):
    """Field -> (its types, whether it may be left out). Not by `__optional_keys__`, for which an annotation
    that is text has no meaning."""
    marks = typing.get_type_hints(kind, include_extras=True)
    hints = typing.get_type_hints(kind)
    return {
        field: (kernel_types(hint), typing.get_origin(marks[field]) is typing.NotRequired)
        for field, hint in hints.items()
    }


def required(kind):
    return {field for field, (_, optional) in of_kernel(kind).items() if not optional}


def kernel_types(hint):
    if typing.get_origin(hint) is types.UnionType:
        return set().union(*map(kernel_types, typing.get_args(hint)))
    if typing.get_origin(hint) is list:
        return {"array"}
    if typing.get_origin(hint) is typing.Literal:
        return {"string"}
    is_object = typing.is_typeddict(hint) or typing.get_origin(hint) is dict
    return {"object"} if is_object else {OF_PYTHON[hint]}


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_sends_what_the_page_reads(name):
    page, kernel = of_page(name), of_kernel(NAMES[name])
    assert page
    assert {f: of for f, (of, _) in kernel.items()} == {f: of for f, (of, _) in page.items()}
    # What the page cannot do without comes always.
    assert {f for f, (_, optional) in page.items() if not optional} <= {
        f for f, (_, optional) in kernel.items() if not optional
    }


@pytest.mark.parametrize("name", UNIONS)
def test_both_know_every_message_of_a_direction(name):
    page = kinds_of_page(name)
    kernel = {}
    for of in UNIONS[name]:
        fields = of_kernel(of)
        del fields["kind"]
        kernel |= dict.fromkeys(typing.get_args(typing.get_type_hints(of)["kind"]), fields)
    assert page == kernel


def test_a_page_that_comes_is_told_all_of_it():
    stream = SSEStream.replay(b"data: a\n\n", speed=float("inf"))
    told = head(stream)
    stream.close()
    kinds = {"stats": messages.StatsMessage, "status": messages.StatusMessage}
    for field, kind in kinds.items():
        assert required(kind) <= told[field].keys() <= kind.__annotations__.keys()
    assert required(messages.HeadMessage) <= told.keys()
    assert told.keys() <= typing.get_type_hints(messages.HeadMessage).keys() | {"kind", "to", "n"}
