"""Why a stream is over, what is said while it goes on, and how one waits for its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sse_widget import EventSource, Reason, RetryPolicy, SSEStream

from ..helpers.clients import AT_ONCE, OVER
from ..helpers.scripted import Server, answers, free_port, sends

pytestmark = pytest.mark.anyio


async def ended(*scripts, **options):
    """The status of a source that was read to its end."""
    options.setdefault("retry", AT_ONCE)
    with Server(*scripts) as server:
        source = EventSource(server.url, **options)
        raised = (await asyncio.gather(source.run(), return_exceptions=True))[0]
        status = await source.wait_closed()
    assert raised is status.error
    return status


DATA = sends("data: a\n\n")


@pytest.mark.parametrize(
    ("reason", "scripts", "options"),
    [
        (Reason.STOP_WHEN, [sends("data: [DONE]\n\n", then="hold")], {"stop_when": "[DONE]"}),
        (Reason.STOP_WHEN, [sends("data: a\n\n", then="hold")], {"stop_when": lambda event: True}),
        (Reason.STOP_WHEN_NOT_MET, [DATA], {"stop_when": "[DONE]", "reconnect": False}),
        (Reason.STOP_WHEN_NOT_MET, [DATA, OVER], {"stop_when": "[DONE]"}),
        (Reason.ENDED, [DATA], {"reconnect": False}),
        (Reason.ENDED, [DATA], {"json": {}}),
        (Reason.NO_CONTENT, [DATA, OVER], {}),
        (Reason.GAVE_UP, [sends("")], {"retry": RetryPolicy(attempts=1)}),
        (Reason.GAVE_UP, [answers("503 Busy")], {"retry": RetryPolicy(attempts=1)}),
        (Reason.FAILED, [answers("404 Not Found")], {}),
        (Reason.FAILED, [answers("503 Busy")], {"reconnect": False}),
        (Reason.FAILED, [DATA], {"stop_when": lambda event: 1 / 0}),
    ],
)
async def test_the_status_says_why_a_stream_is_over(reason, scripts, options):
    status = await ended(*scripts, **options)
    assert status.reason is reason
    assert status.state == ("failed" if status.error else "closed")
    if reason is Reason.FAILED:
        assert str(status.error).partition("\n")[0] in status.text
    else:
        assert status.text == reason.sentence


@pytest.mark.parametrize("how", ["close", "aclose", "break", "listener", "before"])
async def test_stopped_by_you(how):
    with Server(sends("data: a\n\n", then="hold")) as server:
        source = EventSource(server.url, stop_when="[DONE]")
        if how == "listener":
            source.on_message = source.close
        if how == "before":
            source.close()
        async with source:
            async for _ in source:
                if how == "aclose":
                    await source.aclose()
                elif how == "close":
                    source.close()
                elif how == "break":
                    break
        status = await source.wait_closed()
    assert (status.state, status.reason) == ("closed", Reason.STOPPED)
    assert "You stopped it." in repr(source)


async def test_there_is_no_reason_while_it_runs():
    with Server(sends("data: a\n\n", then="hold")) as server:
        async with EventSource(server.url) as source:
            assert source.status.reason is None
            await anext(aiter(source))
            assert source.status.reason is None


def test_every_reason_is_a_sentence():
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert reason == str(reason) == reason.value
    assert {r for r in Reason if r.warns} == {Reason.STOP_WHEN_NOT_MET, Reason.GAVE_UP}


# ------------------------------------------------------------------ waiting for the end


async def test_a_stream_is_waited_for_and_started_again():
    with Server(DATA, sends("data: b\n\ndata: end\n\n", then="hold")) as server:
        stream = SSEStream(server.url, reconnect=False, stop_when="end")
        status = await stream.wait_closed()
        assert status.reason is Reason.STOP_WHEN_NOT_MET
        assert "before the event came that stop_when= waits for" in repr(stream)
        assert list(stream.df.data) == ["a"]
        stream.start()
        assert (await stream.wait_closed()).reason is Reason.STOP_WHEN
        assert list(stream.df.data) == ["a", "b", "end"]
        assert await stream.wait_closed() == stream.status
        stream.close()


async def test_several_wait_on_several_loops_and_one_gives_up():
    with Server(sends("data: a\n\n", then="hold")) as server:
        stream = SSEStream(server.url)
        waiting = [asyncio.create_task(stream.wait_closed()) for _ in range(3)]
        elsewhere = threading.Thread(target=lambda: asyncio.run(stream.wait_closed()))
        elsewhere.start()
        await stream.until()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.wait_closed(), 0.01)
        assert not any(task.done() for task in waiting)
        stream.stop()
        assert {status.reason for status in await asyncio.gather(*waiting)} == {Reason.STOPPED}
        elsewhere.join(60)
        assert not elsewhere.is_alive()
        stream.close()


async def test_a_callback_of_yours_that_raises_is_the_reason():
    def broken(event):
        raise ZeroDivisionError

    with Server(sends("data: a\n\n", then="hold")) as server:
        stream = SSEStream(server.url, stop_when=broken)
        status = await stream.wait_closed()
        stream.close()
    assert (status.state, status.reason) == ("failed", Reason.FAILED)


async def test_a_replay_says_that_it_was_played():
    replay = SSEStream.replay(b"data: a\n\n")
    assert (await replay.wait_closed()).reason is Reason.PLAYED
    replay.close()


async def test_until_says_why_the_stream_is_over():
    with Server(DATA) as server:
        stream = SSEStream(server.url, reconnect=False)
        with pytest.raises(TimeoutError, match=r"closed \(The server ended the stream"):
            await stream.until(type="never")
        stream.close()


# ------------------------------------------------------------------ a finite stream, again and again


async def notes(*scripts, until, **options):
    """What `status.note` says at each error and each opening, until so many connections."""
    said = []
    with Server(*scripts) as server:
        source = EventSource(server.url, retry=AT_ONCE, **options)

        def note():
            said.append(source.status.note)
            if source.stats.connects >= until:
                source.close()

        source.on_error = note
        await source.run()
    return said


ENDS_EACH_TIME = "The server ends this stream each time: reconnect=False or stop_when="


@pytest.mark.parametrize(
    "script",
    [
        sends("data: a\n\ndata: b\n\n"),
        sends("id: 1\ndata: a\n\nid: 2\ndata: b\n\n"),
        sends("data: one alone\n\n"),
        sends(""),
    ],
)
async def test_a_finite_stream_is_told_after_its_second_end(script):
    first, second, third = await notes(script, until=3)
    assert first == ""
    assert ENDS_EACH_TIME in second
    assert ENDS_EACH_TIME in third


async def test_a_finite_stream_with_a_time_in_it_is_told_too():
    scripts = [sends(f"data: made at {n}\n\ndata: end\n\n") for n in range(3)]
    assert [bool(note) for note in await notes(*scripts, until=3)] == [False, True, True]


async def test_the_note_stands_while_the_stream_is_open_again():
    with Server(
        sends("data: a\n\n"), sends("data: a\n\n"), sends("data: a\n\n", then="hold")
    ) as server:
        stream = SSEStream(server.url, retry=AT_ONCE)
        async for event in stream:
            if event.seq == 2:
                break
        assert (stream.status.state, stream.status.note[: len(ENDS_EACH_TIME)]) == (
            "open",
            ENDS_EACH_TIME,
        )
        stream.close()
        assert ENDS_EACH_TIME not in stream.status.note


@pytest.mark.parametrize(
    "scripts",
    [
        # resumed where it ended
        [sends("id: 1\ndata: a\n\n"), sends("id: 2\ndata: b\n\n"), sends("id: 3\ndata: c\n\n")],
        # polled: one event, another one each time
        [sends("data: a\n\n"), sends("data: b\n\n"), sends("data: c\n\n")],
        # a greeting, and then what is new
        [sends(f"data: hello\n\nid: {n}\ndata: {n}\n\n") for n in range(3)],
        # broken, not ended
        [sends("data: a\n\ndata: b\n\n", then="reset")],
    ],
)
async def test_a_server_that_goes_on_is_not_blamed(scripts):
    assert set(await notes(*scripts, until=3)) == {""}


async def test_a_long_wait_is_explained_while_it_lasts():
    waits = asyncio.Event()
    with Server(sends("retry: 300000\ndata: a\n\n")) as server:
        source = EventSource(server.url)
        source.on_error = waits.set
        reading = asyncio.create_task(source.run())
        await waits.wait()
        status = source.status
        assert status.state == "waiting"
        assert status.retry_in >= 300
        assert status.note == "The server asks for 5 min before each attempt (retry:)."
        source.close()
        await reading


async def test_a_server_that_refuses_does_not_end_anything_each_time():
    source = EventSource(f"http://127.0.0.1:{free_port()}/", retry=AT_ONCE)
    seen = []

    def note():
        seen.append(source.status.note)
        if len(seen) == 3:
            source.close()

    source.on_error = note
    await source.run()
    assert set(seen) == {""}
