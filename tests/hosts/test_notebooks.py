"""The demo notebooks: each runs from top to bottom, and is saved without a trace of it."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))

WIDGET = "application/vnd.jupyter.widget-view+json"


class Ran:
    """What the cells of a notebook gave, by their ids."""

    def __init__(self, name: str) -> None:
        notebook = nbformat.read(FOLDER / name, as_version=4)
        NotebookClient(notebook, timeout=600, startup_timeout=300, kernel_name="python3").execute()
        self.outputs: dict[str, list[Any]] = {
            cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"
        }

    def printed(self, cell: str) -> str:
        return "".join(o.text for o in self.outputs[cell] if o.output_type == "stream")

    def shown(self, cell: str) -> dict[str, Any]:
        """The value of the last line, as MIME type -> data; a log's saved copy stands after it."""
        outputs: list[dict[str, Any]] = [o.data for o in self.outputs[cell] if "data" in o]
        return [data for data in outputs if "sse-snapshot" not in data.get("text/html", "")][-1]


def quickstart(ran: Ran) -> None:
    assert WIDGET in ran.shown("watch")
    assert "BTC" in ran.shown("view")["text/plain"]
    assert "all there: True" in ran.printed("complete")
    assert len(ran.printed("cuts").splitlines()) >= 2  # and one where a cut fell into an event


def llm(ran: Ran) -> None:
    assert WIDGET in ran.shown("ask")
    text = ran.shown("end")["text/markdown"]
    assert text.startswith("## ")
    assert "slow rivers" in text
    assert text.startswith(ran.printed("so-far").rstrip("\n"))
    assert "stop" in ran.shown("columns")["text/plain"]
    assert "tokens a second" in ran.printed("speed")
    assert "'60'" in ran.printed("whole")
    assert "the same answer: True" in ran.printed("whole")
    assert "400" in ran.printed("reason")
    assert "failed" in ran.shown("reason")["text/plain"]
    assert "messages must be" in ran.shown("body")["text/plain"]


def analysis(ran: Ran) -> None:
    assert "changes.sse" in ran.printed("record")
    assert ran.printed("look").startswith(": received_at=")
    assert WIDGET in ran.shown("replay")
    assert "datetime64[us, UTC]" in ran.shown("columns")["text/plain"]
    assert "changes a second" in ran.printed("rates")
    assert "image/png" in ran.shown("rates")
    assert "person" in ran.shown("who")["text/html"]
    assert "image/png" in ran.shown("picture")
    assert "Most edits are by a person" in ran.printed("said")
    assert "wiki" in ran.shown("live-columns")["text/plain"]
    assert "bots.parquet" in ran.printed("export")
    assert "the same again: True" in ran.printed("again")


def scale_out(ran: Ran) -> None:
    assert WIDGET in ran.shown("capture")
    assert len(ran.printed("flows").splitlines()) >= 2
    assert "hall" in ran.shown("streams")["text/html"]
    assert "404" in ran.printed("wrong")
    assert "restart" in ran.shown("gaps")["text/html"]
    assert "every event once: True" in ran.printed("proof")
    assert "temperature" in ran.shown("one")["text/html"]
    assert "hall" in ran.shown("dask")["text/plain"]
    assert "every event once: True" in ran.printed("again")


CHECKS: dict[str, Callable[[Ran], None]] = {
    "quickstart.ipynb": quickstart,
    "llm.ipynb": llm,
    "analysis.ipynb": analysis,
    "scale-out.ipynb": scale_out,
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_from_top_to_bottom(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSE_WIDGET_DEMO_URL", raising=False)
    # Here, because the first import on a machine says how long it takes, and a cell would show that.
    importlib.import_module("matplotlib.font_manager")
    ran = Ran(name)
    outputs = [output for some in ran.outputs.values() for output in some]
    assert not [o.text for o in outputs if o.get("name") == "stderr"]
    CHECKS[name](ran)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_saved_clean(name: str) -> None:
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert {cell["execution_count"] for cell in code} == {None}
    assert not any(cell["outputs"] for cell in code)
    # Names, given once: random ids would make every change of a notebook look like another one.
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", id_) for id_ in ids)
