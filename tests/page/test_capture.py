"""What the page says of a capture, and reading back into it."""

from playwright.sync_api import expect

from .test_rows import TICKS, balanced

TROUBLE = {
    "to": "captures/trades",
    "state": "waiting",
    "written": 2,
    "waiting": 1,
    "not_kept": 0,
    "error": "captures/trades cannot be written: No space left on device",
    "hint": "What waits is kept in memory and written when that is possible again.",
    "notes": ["another file is left alone: notes.txt"],
}


def test_a_disk_that_refuses_is_said_while_the_stream_goes_on(stub):
    stub.feed(*TICKS)
    stub.kernel("kernel.capture = {...arg, state: 'writing', error: null}; kernel.beat()", TROUBLE)
    expect(stub.page.get_by_text("captured 2")).to_be_visible()
    expect(stub.status).not_to_contain_text("No space")
    stub.kernel("kernel.capture = arg; kernel.beat()", TROUBLE)
    expect(stub.status).to_contain_text("Open")
    expect(stub.status).to_contain_text("No space left on device")
    expect(stub.status).to_contain_text("kept in memory")
    stub.status.get_by_role("button").click()
    details = stub.page.get_by_role("group", name="Connection details")
    expect(details).to_contain_text("captures/trades, 2 written, 1 waiting, the disk refuses")
    expect(details).to_contain_text("notes.txt")


def test_who_was_taken_over_cannot_start_again(stub):
    stub.kernel(
        "kernel.capture = {...arg, state: 'taken'};"
        " kernel.be({state: 'failed', error: 'another stream writes captures/trades now'})",
        TROUBLE,
    )
    expect(stub.status).to_contain_text("another stream writes captures/trades now")
    expect(stub.button("Start")).to_be_hidden()


def test_reading_goes_back_beyond_what_a_page_holds(stub):
    """A page keeps 100,000 events: further back the oldest come when somebody gets there."""
    stub.kernel("kernel.flood(130000)")
    expect(stub.account("shown")).to_have_text("100,000")
    scroll = "document.querySelector('[role=log]')"
    stub.log.evaluate("(e) => e.scrollTop = 0")
    stub.wait("kernel.heard.some((m) => m.kind === 'rows' && m.stop === 30000)")
    # Up and up: each time there is more above.
    stub.page.evaluate(f"""new Promise((done) => {{
      const up = () => {{
        const log = {scroll};
        log.scrollTop = 0;
        if (document.querySelector('[role=log]').textContent.includes('"i":0,')) done();
        else setTimeout(up, 30);
      }};
      up();
    }})""")
    expect(stub.row('{"i":0,"price":0}')).to_be_visible()
    assert balanced(stub)["received"] == 130_000
    assert stub.accounts()["shown"] <= 100_000
    # Back at the tail, what was let go for it comes back.
    stub.button("Jump to latest").click()
    expect(stub.row('"i":129999,')).to_be_visible()
    stub.feed({"data": "news"})
    stub.kernel("setInterval(() => kernel.beat(), 200)")  # as kernels do: it is calm again
    stub.wait("kernel.heard.filter((m) => m.kind === 'rows').at(-1).first >= 30000")
    expect(stub.account("shown")).to_have_text("100,000")
    expect(stub.account("elsewhere")).to_have_text("30,001")
    balanced(stub)
