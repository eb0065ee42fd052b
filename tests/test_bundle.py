"""The page's bundle stays small: it travels in the state of every widget (DESIGN.md §7)."""

from sse_widget.showing import _STATIC


def test_the_bundle_is_under_120_kb():
    size = (_STATIC / "widget.js").stat().st_size
    assert size < 120 * 1024, f"widget.js has {size:,} bytes"
