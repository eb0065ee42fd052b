"""Sphinx configuration of the documentation: `make docs` builds it, with every warning an error.

The site asks no network for anything, when it is built and when it is read: there is no intersphinx,
and every script, style and font is a file of its own. The tutorials are the demo notebooks, copied
here and run while the site is built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_ext")]

from sse_widget import __version__  # noqa: E402

project = "sse-widget"
author = "the authors of sse-widget"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_nb",
    "command_help",
]
exclude_patterns = ["_build", "_ext", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
# In our docstrings `name` is code, as in Markdown.
default_role = "literal"
nitpicky = True
# The list beside a reference page: members without the class before each.
toc_object_entries_show_parents = "hide"

# --- Markdown and notebooks -------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
# SSE_WIDGET_DOCS_RUN=off shows the notebooks as they are saved: to write a page without waiting.
nb_execution_mode = os.environ.get("SSE_WIDGET_DOCS_RUN", "cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 180
# The page of a saved notebook shows no widget: the latest rows are there as text. Else myst-nb would
# load ipywidgets' own page from the network.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_merge_streams = True

# --- reference --------------------------------------------------------------------------------------

autodoc_typehints = "both"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
# Names of other packages, which no inventory is at hand for, and of ours that are not public.
nitpick_ignore_regex = [("py:.*", r"(?!sse_widget\.).*"), ("py:.*", r"sse_widget\.\w+\..*")]

# --- the site ---------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "sse-widget"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sse-widget"},
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_depth": 3,
    "header_links_before_dropdown": 7,
    "show_toc_level": 3,
}
html_sidebars = {"index": [], "changelog": [], "tour": [], "install": []}
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True


def _copy(source: Path, folder: Path) -> None:
    """A file that lives elsewhere; an unchanged copy keeps its date, and Sphinx reads it once."""
    folder.mkdir(exist_ok=True)
    copy = folder / source.name
    if not copy.exists() or copy.read_bytes() != source.read_bytes():
        shutil.copy(source, copy)


def _gather(app: Sphinx) -> None:
    """The demo notebooks are the tutorials; the log of the first page is the built widget and its style."""
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        _copy(notebook, HERE / "tutorials")
    _copy(ROOT / "sse_widget" / "static" / "widget.css", HERE / "_static" / "widget")
    _copy(HERE / "log-light.png", HERE / "_static" / "widget")
    subprocess.run(["npm", "--prefix", ROOT / "js", "run", "--silent", "live"], check=True)


# Napoleon takes "The URL, masked: safe to show." of a property for a type and its description.
_COLON, _HIDDEN = ":", "\ue000"


def _hide_colon(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    if what in ("property", "attribute") and lines:
        lines[0] = lines[0].replace(_COLON, _HIDDEN)


def _show_colon(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    lines[:] = [line.replace(_HIDDEN, _COLON) for line in lines]


def setup(app: Sphinx) -> None:
    # A kernel that the build starts knows no demo server of somebody else's.
    os.environ.pop("SSE_WIDGET_DEMO_URL", None)
    app.connect("builder-inited", _gather)
    app.connect("autodoc-process-docstring", _hide_colon, priority=499)
    app.connect("autodoc-process-docstring", _show_colon, priority=501)
