"""The copy of the log in the saved notebook is never doubled by a live view."""

from playwright.sync_api import expect

from .test_rows import TICKS

COPY = """
  for (const stream of ['stub', 'another']) {
    const copy = document.body.appendChild(document.createElement('div'));
    copy.className = 'sse-snapshot';
    copy.dataset.sseStream = stream;
    copy.textContent = 'saved of ' + stream;
  }
"""


def test_a_live_view_hides_the_copy_of_its_own_stream(open_stub):
    stub = open_stub("idle")
    stub.kernel(COPY)
    own, other = (stub.page.get_by_text(f"saved of {name}") for name in ("stub", "another"))
    stub.kernel("""
      window.life = new AbortController();
      kernel.busy = true;
      widget.initialize({model: model.wrapper(), signal: life.signal}); window.one = view(); window.two = view();
    """)
    expect(stub.status.first).to_be_visible()
    # It has nothing to show instead, before the kernel has spoken.
    expect(own).to_be_visible()
    stub.feed(*TICKS)
    expect(own).to_be_hidden()
    stub.kernel("one.abort()")
    expect(own).to_be_hidden()
    # What the page holds after a restart of the kernel is more than the copy has.
    stub.kernel("model.trigger('comm_live_update')")
    expect(stub.status).to_contain_text("Kernel restarted")
    expect(own).to_be_hidden()
    stub.kernel("two.abort()")
    expect(own).to_be_visible()
    expect(other).to_be_visible()
