"""What a release needs is there and says the same version everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_a_folder_without_the_two_files_is_refused_and_versions_agree(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "release.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    # Nothing else is wrong: CHANGELOG.md, CITATION.cff and the package say one version.
    assert [line.partition(" has not one ")[2][:5] for line in done.stdout.splitlines()] == [
        "wheel",
        "sdist",
    ]


def test_the_citation_has_what_the_format_demands() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {
        "cff-version",
        "message",
        "title",
        "authors",
        "version",
        "date-released",
    } <= citation.keys()


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_of_issues_are_forms(file: Path) -> None:
    form = yaml.safe_load(file.read_text("utf-8"))
    if file.name == "config.yml":
        assert form["blank_issues_enabled"] is True
        return
    assert form["name"]
    assert form["description"]
    questions = [part for part in form["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in questions)
    assert len({part["id"] for part in questions}) == len(questions)
    assert any(part.get("validations", {}).get("required") for part in questions)
