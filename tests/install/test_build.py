"""What is installed has its page: in every wheel and sdist, whether or not the checkout was built before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent.parent
PAGE = {"widget.js", "capture.js", "loader.js", "widget.css"}
PARTS = (
    *("sse_widget", "notebooks", "js/src", "js/package.json"),
    *("pyproject.toml", "hatch_build.py", "README.md", "CHANGELOG.md", "LICENSE"),
)
# It makes what the real one makes, and says how it was called.
NPM = """#!/bin/sh
echo "$@" >> called
case "$*" in
  *"run build"*) mkdir -p sse_widget/static; cd sse_widget/static; touch widget.js capture.js loader.js widget.css ;;
esac
"""
BROKEN = "#!/bin/sh\necho 'no registry answers' >&2\nexit 1\n"


@pytest.fixture
def clone(tmp_path):
    """A checkout that nobody has built."""
    to = tmp_path / "clone"
    for part in PARTS:
        (to / part).parent.mkdir(parents=True, exist_ok=True)
        source = HOME / part
        if source.is_dir():
            shutil.copytree(
                source, to / part, ignore=shutil.ignore_patterns("static", "__pycache__")
            )
        else:
            shutil.copy(source, to / part)
    return to


def build(
    tree: Path, what: str = "wheel", npm: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Build as pip does, with this as the only npm."""
    tools = tree.parent / "tools"
    tools.mkdir(exist_ok=True)
    if npm is not None:
        (tools / "npm").write_text(npm)
        (tools / "npm").chmod(0o755)
    for name in ("sh", "mkdir", "touch"):
        if not (tools / name).exists():
            (tools / name).symlink_to(shutil.which(name))
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", what, "-d", str(tree.parent / "out")],
        cwd=tree,
        env={**os.environ, "PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


def page_of(wheel: Path) -> set[str]:
    names = zipfile.ZipFile(wheel).namelist()
    return {name.rpartition("/")[2] for name in names if name.startswith("sse_widget/static/")}


def made(tree: Path, pattern: str) -> Path:
    (found,) = (tree.parent / "out").glob(pattern)
    return found


def test_a_clone_is_built_where_node_is(clone):
    done = build(clone, npm=NPM)
    assert done.returncode == 0, done.stderr
    assert page_of(made(clone, "*.whl")) == PAGE
    called = (clone / "called").read_text().splitlines()
    assert [line.split()[2] for line in called] == ["ci", "run"]
    # What is built is not built again, unless a source is newer.
    build(clone, npm=NPM)
    assert (clone / "called").read_text().splitlines() == called
    later = (clone / "sse_widget/static/widget.js").stat().st_mtime + 10
    os.utime(next((clone / "js/src").rglob("*.ts")), (later, later))
    build(clone, npm=NPM)
    assert len((clone / "called").read_text().splitlines()) == 4


def test_a_clone_without_node_is_refused_with_what_to_do(clone):
    done = build(clone)
    assert done.returncode != 0
    assert "make install" in done.stdout + done.stderr
    assert not list(clone.parent.glob("out/*"))


def test_a_build_of_the_page_that_fails_is_no_wheel(clone):
    done = build(clone, npm=BROKEN)
    assert done.returncode != 0
    assert "npm ci" in done.stdout + done.stderr
    assert "no registry answers" in done.stderr


def test_an_sdist_brings_the_page_and_needs_no_node(clone):
    (clone / "sse_widget/static").mkdir()
    for name in PAGE:
        shutil.copy(HOME / "sse_widget/static" / name, clone / "sse_widget/static")
    assert build(clone, "sdist").returncode == 0
    with tarfile.open(made(clone, "*.tar.gz")) as sdist:
        sdist.extractall(clone.parent / "unpacked", filter="data")
    (unpacked,) = (clone.parent / "unpacked").iterdir()
    done = build(unpacked)
    assert done.returncode == 0, done.stderr
    (wheel,) = (clone.parent / "unpacked" / "out").glob("*.whl")
    assert page_of(wheel) == PAGE
    names = zipfile.ZipFile(wheel).namelist()
    assert "sse_widget/py.typed" in names
    assert "sse_widget/demo/notebooks/quickstart.ipynb" in names
