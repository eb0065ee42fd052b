"""Headless Chromium for the tests: which one, and how it is started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

# A machine that does much else is slow to paint; what is expected comes all the same.
expect.set_options(timeout=30_000)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that is not looked at must run at full speed all the same.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)


def executable() -> str | None:
    """The system's Chromium or Chrome; None for the one Playwright brings."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. One at a time: Playwright's loop takes the whole thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), headless=True, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            browser.close()


def stop_clock(page: Page) -> None:
    """The time of what is loaded from here on moves only where a test moves it; a second began just now.

    Before it is loaded: of a clock that runs nobody knows how far it will be once it is told to stop.
    """
    began = 1_790_000_000
    page.clock.install(time=began)
    page.clock.pause_at(began + 3600.1)
