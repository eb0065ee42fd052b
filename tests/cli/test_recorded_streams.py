"""What `record` is told to record, and what of it no log may tell."""

from __future__ import annotations

import pytest

from sse_widget.cli.recorded_streams import Wanted

STREAMS = {
    "in its URL": "http://me:pa55word-one@127.0.0.1/a?token=tok3n-two",
    "in headers of its own": {
        "url": "http://127.0.0.1/b",
        "headers": {"Authorization": "Bearer b3arer-three"},
        "params": {"key": "par4m-four"},
    },
    "of none that is one": "http://[",
}
TOLD = {
    "headers": {"X-Api-Key": "k3y-five"},
    "auth": ("somebody", "l0gin-six"),
    "cookies": {"session": "c00kie-seven"},
    "json": {"password": "b0dy-eight"},
    "proxy": "http://me:pr0xy-nine@127.0.0.1:9",
}


@pytest.mark.parametrize(
    "secret",
    [
        *("pa55word-one", "tok3n-two", "b3arer-three", "par4m-four", "k3y-five", "l0gin-six"),
        *("c00kie-seven", "b0dy-eight", "pr0xy-nine"),
    ],
)
def test_no_log_tells_a_secret_of_any_stream(secret):
    wanted = Wanted(STREAMS, "captures", None, None, None, TOLD)
    said = wanted.secrets().hide(f"a library says {secret} of it")
    assert secret not in said
    assert said.startswith("a library says ")
    assert said.endswith(" of it")
    assert secret not in repr(wanted)
