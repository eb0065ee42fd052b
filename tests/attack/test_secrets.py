"""What a person gave as a secret appears nowhere, whatever servers, proxies and slips do with it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import io
import json
import logging
import pickle
import traceback
import urllib.parse

import httpx
import pytest

from sse_widget import Event, EventSource, InvalidURL, RetryPolicy, SSECapture, SSEStream

from ..helpers.clients import AT_ONCE, over
from ..helpers.pages import finished, head, overview, saved_copy
from ..helpers.scripted import Peer, Server, answers, sends

SECRET = "hunter2&Ünïque/s3cret"
ONCE = RetryPolicy(initial=0, minimum=0, attempts=1)


def said(stream: SSEStream) -> str:
    """Everything a stream tells: to a cell, to its page, into a saved notebook, to a pickle."""
    parts = [repr(stream), repr(stream.status), stream.status.note, repr(stream.gaps)]
    for error in [*stream.errors, stream.status.error]:
        if error is not None:
            parts += [repr(error), str(error), *map(str, vars(error).values())]
            parts += traceback.format_exception(error)
            with contextlib.suppress(Exception):
                parts.append(repr(pickle.dumps(error)))
    told = head(stream)
    del told["counts"]  # types of events, which are data
    parts += [repr(told), saved_copy(stream)]
    return "\n".join(parts)


@contextlib.contextmanager
def all_logs():
    """What any library logs."""
    log, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(log), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def run(server: Server, *, first: bool = False, **options) -> str:
    """All that a stream says of one attempt, and all that was logged meanwhile."""
    with all_logs() as log:
        stream = SSEStream(server.url, **{"retry": ONCE, "reconnect": False} | options)
        try:
            if first:
                asyncio.run(stream.until(timeout=20))
            else:
                over(stream)
            return said(stream) + log.getvalue()
        finally:
            stream.close()


# ---------------------------------------------------------------------- servers that repeat secrets

ENCODINGS = {
    "as it is": lambda s: s,
    "percent": lambda s: urllib.parse.quote(s, safe=""),
    "percent, small letters": lambda s: urllib.parse.quote(s, safe="").lower(),
    "percent, a path's": lambda s: urllib.parse.quote(s),
    "form": urllib.parse.quote_plus,
    "percent twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe="")),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64url": lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("="),
    "base64 within": lambda s: base64.b64encode(f"key={s}; more".encode()).decode(),
    "base64 within, shifted": lambda s: base64.b64encode(f"a key={s}; m".encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "json": lambda s: json.dumps({"key": s}),
    "json, every character": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "html": lambda s: html.escape(s),
    "cut": lambda s: "x" * (64 * 1024 - len(s.encode()) // 2) + s,
}


def leaked(text: str) -> list[str]:
    """The forms of the secret in a text, six characters of it included."""
    plain = [SECRET, SECRET[:7]]
    every = [*plain, *(ENCODINGS[n](SECRET) for n in ENCODINGS if n != "cut")]
    core = base64.b64encode(SECRET.encode()).decode()[4:-4]
    return [form for form in [*every, core] if form in text]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_refusal_that_repeats_the_key(encoding):
    body = f"bad key: {ENCODINGS[encoding](SECRET)}"
    with Server(answers("401 No", "", body)) as server:
        text = run(server, headers={"X-Api-Key": SECRET})
    assert "bad key" in text or encoding == "cut"
    assert not leaked(text)


def sign_with_key(request):
    request.headers = httpx.Headers([*request.headers.raw, (b"X-Key", SECRET.encode())])


GIVEN = {
    "Authorization": {"headers": {"Authorization": f"Bearer {SECRET}"}},
    "a header of any name": {"headers": {"X-Anything": SECRET}},
    "Basic in a header": {
        "headers": {"Authorization": "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()}
    },
    "auth": {"auth": ("me", SECRET)},
    "an Auth": {"auth": httpx.BasicAuth("me", SECRET)},
    "a function for auth": {"auth": lambda: ("me", SECRET)},
    "a function of the request": {"auth": sign_with_key},
    "a function for headers": {"headers": lambda: {"X-Key": SECRET}},
    "params": {"params": {"plain": SECRET}},
    "json": {"json": {"model": "m", "inner": [{"api_key": SECRET}]}},
    "a JSON body as it is": {"content": json.dumps({"a": {"password": SECRET}})},
    "a form": {"content": urllib.parse.urlencode({"grant": "x", "client_secret": SECRET})},
    "a client's headers": {"client": lambda: httpx.AsyncClient(headers={"X-Key": SECRET.encode()})},
    "a client's params": {"client": lambda: httpx.AsyncClient(params={"plain": SECRET})},
    "a client's auth": {"client": lambda: httpx.AsyncClient(auth=("me", SECRET))},
}


@pytest.mark.parametrize("given", GIVEN)
def test_wherever_the_secret_was_given(given):
    with Server(answers("400 Bad", "", f"you sent: {SECRET} and that is wrong")) as server:
        text = run(server, **GIVEN[given])
    assert "you sent: ***" in text
    assert not leaked(text)


@pytest.mark.parametrize("how", ["a client's headers", "a client's auth"])
def test_what_a_client_gives_by_itself_and_what_came_is_no_answer(how):
    """The cause names the bytes that came; nobody had told us of this secret."""
    sent = base64.b64encode(f"me:{SECRET}".encode()) if "auth" in how else SECRET.encode()

    def script(peer: Peer) -> None:
        peer.send(sent + b"\r\n\r\n")

    with Server(script) as server:
        assert not leaked(run(server, **GIVEN[how]))


def test_cookies_are_secrets_too():
    with Server(answers("400 Bad", "", "you sent: hunter2hunter2")) as server:
        text = run(server, cookies={"sid": "hunter2hunter2"})
    assert "you sent: ***" in text
    assert "hunter2" not in text


def test_secrets_of_the_url():
    for url in (
        "http://me:hunter2hunter2@127.0.0.1:{}/",
        "http://127.0.0.1:{}/?token=hunter2hunter2",
    ):
        with Server(answers("400 Bad", "", "you sent: hunter2hunter2")) as server:
            server.url = url.format(server.port)
            text = run(server)
        assert "you sent: ***" in text
        assert "hunter2" not in text


def echo(where: str):
    """A server that puts the secret somewhere in its answer."""
    raw = SECRET.encode()

    def script(peer: Peer) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%sConnection: close\r\n\r\n%s"
        parts = {
            "reason": (b"401 " + raw, b"text/plain", b"", b""),
            "content type": (b"200 OK", b"x/" + raw, b"", b""),
            "content type's parameter": (b"200 OK", b"text/html; k=" + raw, b"", b""),
            "coding": (b"200 OK", b"text/event-stream", b"Content-Encoding: " + raw + b"\r\n", b""),
            "location": (b"302 Go", b"x/y", b"Location: http://a b/" + raw + b"\r\n", b""),
            "scheme": (b"302 Go", b"x/y", b"Location: hunter2hunter2://x\r\n", b""),
            "a header": (b"401 No", b"x/y", b"WWW-Authenticate: X k=" + raw + b"\r\n", b""),
            "retry-after": (b"503 No", b"x/y", b"Retry-After: " + raw + b"\r\n", b""),
        }
        peer.send(raw + b"\r\n\r\n" if where == "no HTTP" else head % parts[where])

    return script


@pytest.mark.parametrize("client", [None, httpx.AsyncClient], ids=["ours", "httpx"])
@pytest.mark.parametrize(
    "where",
    [
        "reason",
        "content type",
        "content type's parameter",
        "coding",
        "location",
        "scheme",
        "a header",
        "retry-after",
        "no HTTP",
    ],
)
def test_wherever_a_server_says_it(where, client):
    with Server(echo(where)) as server:
        text = run(server, client=client, headers={"X-Key": SECRET, "X-Other": "hunter2hunter2"})
    assert not leaked(text)
    assert "hunter2" not in text


def test_an_event_that_repeats_it_is_data_and_not_in_the_saved_notebook():
    event = f"id: {SECRET}\nevent: {SECRET}\ndata: you sent {SECRET}\n\n"
    with Server(sends(event)) as server:
        stream = SSEStream(server.url, headers={"X-Key": SECRET}, reconnect=False, max_events=10)
        over(stream)
        row = stream.df.iloc[0]
        text = said(stream)
        stream.close()
    assert (row["type"], row["data"], row.last_event_id) == (SECRET, f"you sent {SECRET}", SECRET)
    assert "you sent ***" in text
    assert not leaked(text)


def test_a_long_event_is_not_cut_through_the_middle_of_it():
    for before in range(4096 - len(SECRET) - 8, 4096 + 8, 5):
        with Server(sends(f"data: {'x' * before}{SECRET}{'y' * 9000}\n\n")) as server:
            text = run(server, headers={"X-Key": SECRET})
        assert not leaked(text), before
        break_at = text.find("hunter")
        assert break_at == -1, before


def test_a_gap_that_names_an_id_of_it():
    again = sends(f"id: {SECRET}2\nevent: done\ndata: b\n\n", then="hold")
    with Server(sends(f"id: {SECRET}\ndata: a\n\n"), again) as server:
        stream = SSEStream(server.url, headers={"X-Key": SECRET}, retry=AT_ONCE)
        asyncio.run(stream.until(type="done", timeout=20))
        text = "".join(gap.text for gap in stream.gaps) + repr(head(stream))
        text += saved_copy(stream)
        stream.close()
    assert "after id" in text
    assert not leaked(text)


def test_a_row_of_a_capture_that_was_refused(tmp_path):
    with Server(answers("401 No", "", f"bad key {SECRET}")) as server:
        capture = SSECapture(
            {"a": server.url}, to=tmp_path / "c", headers={"X-Key": SECRET}, retry=ONCE
        )
        finished(capture)
        shown = capture.streams.to_string() + repr(capture) + str(overview(capture))
        capture.close()
    assert "bad key ***" in shown
    assert not leaked(shown)


def test_short_and_plain_values_do_not_spoil_the_words():
    with Server(answers("400 Bad", "", "no page 1 in the feed of user BTC, true story")) as server:
        text = run(
            server,
            params={"page": 1, "q": "BTC", "flag": "true"},
            auth=("user", "in"),
            headers={"X-Title": "a story of my feed", "Accept-Language": "true"},
        )
    assert "no page 1 *** the feed of user BTC, true story" in text


def test_values_that_change_on_every_attempt_push_out_none_that_were_given():
    n = iter(range(1000))
    bodies = answers("503 Busy", "Retry-After: 0\r\n", f"bad key: {SECRET}")
    with Server(bodies) as server:
        stream = SSEStream(
            server.url,
            headers=lambda: {f"X-{k}": f"value-{next(n)}-{k}" for k in range(5)},
            params={"key": SECRET},
            retry=RetryPolicy(initial=0, minimum=0, maximum=0, attempts=40),
        )
        over(stream)
        text = said(stream)
        stream.close()
    assert "bad key: ***" in text
    assert not leaked(text)


# ---------------------------------------------------------------------- what callables raise


def token():
    raise ValueError(f"the vault said: {SECRET}")


async def token_later():
    raise ValueError(f"the vault said: {SECRET}") from KeyError(SECRET)


def sign(request):
    token()


class Vault(httpx.Auth):
    def auth_flow(self, request):
        yield token()


@pytest.mark.parametrize(
    "options",
    [
        {"headers": token},
        {"headers": token_later},
        {"auth": token},
        {"auth": token_later},
        {"auth": sign},
        {"auth": Vault()},
    ],
    ids=["headers", "async headers", "auth", "async auth", "auth of the request", "object"],
)
def test_no_traceback_shows_what_a_callable_raised(options):
    with Server(Peer.hold) as server, all_logs() as log:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            for _ in EventSource(server.url, retry=ONCE, **options):
                pass
        stream = SSEStream(server.url, retry=ONCE, **options)
        over(stream)
        text = said(stream) + log.getvalue()
        stream.close()
    text += "".join(traceback.format_exception(caught.value))
    assert "raised ValueError when it was asked" in text
    assert not leaked(text)
    error: BaseException | None = caught.value
    while error is not None:  # debuggers show these too
        assert not leaked(str(error))
        error = error.__cause__ or error.__context__


# ---------------------------------------------------------------------- slips

SLIPS = """\
https://bob:hun/ter2@example.com/e
https://bob:hunter2#x@example.com/e
https://bob:hun?ter2@example.com/e
https://bob:hunter2@@example.com/e
https://bob@mail.com:hunter2@example.com/e
https://bob:hunter2
https://bob:hunter2/e
https://bob:hunter2@
https://bob:12/hunter2@example.com/e
https://bob.smith/hunter2@example.com/e
https://bob.smith?hunter2@example.com/e
https://bob:hunter2@exa mple.com/e
https://bob:hunter2@example.com:port/e
https://bob:hunter2@[::g]/e
https:/bob:hunter2@example.com/e
https:bob:hunter2@example.com/e
https//bob:hunter2@example.com/e
https:\\\\bob:hunter2@example.com\\e
htps://bob:hunter2@example.com/e
ftp://bob:hunter2@example.com/e
//bob:hunter2@example.com/e
bob:hunter2@example.com/e
bob:hunter2
'https://bob:hunter2@example.com/e'
"https://bob:hunter2@example.com/e"
<https://bob:hunter2@example.com/e>
https://https://bob:hunter2@example.com/e
https://bob:hunter2@example.com/e https://other.example
sk_live_hunter2
Bearer hunter2
Authorization: Bearer hunter2
hunter2
eyJhbGciOi.hunter2.signature
https://example.com/e?token=hunter2\\
https://example .com/e?token=hunter2
https://example .com/e;token=hunter2
""".splitlines()


@pytest.mark.parametrize("url", SLIPS)
def test_a_mistyped_url_shows_no_password(url):
    for make in (EventSource, SSEStream):
        try:
            source = make(url, retry=ONCE)
        except InvalidURL as error:
            text = "".join(traceback.format_exception(error)) + repr(vars(error))
        else:  # an address all the same
            text = f"{source!r} {source.url} {source.status!r}"
            source.close()
        assert "ter2" not in text


def test_nor_do_the_rows_of_a_capture(tmp_path):
    named = {f"named-{n}": url for n, url in enumerate(SLIPS)}
    for n, urls in enumerate((SLIPS, named)):
        capture = SSECapture(urls, to=tmp_path / str(n), retry=ONCE)
        try:
            shown = capture.streams.to_string() + repr(list(capture)) + str(overview(capture))
        finally:
            capture.close()
        assert len(capture) == len(SLIPS)
        assert "ter2" not in shown


def test_a_foreign_option_of_a_stream_is_named_without_its_value(tmp_path):
    with pytest.raises(TypeError) as caught:
        SSECapture([{"url": "http://h/", "token": "hunter2"}], to=tmp_path / "c")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "urls",
    [
        {"a": {"url": "http://h/", "headers": {"Authorization": "hunter2"}}},
        {"a": ("http://h/", "hunter2")},
        {"a": b"hunter2"},
        [("a", "hunter2")],
        [["hunter2"]],
    ],
    ids=str,
)
def test_what_is_no_url_is_told_by_its_type_alone(urls, tmp_path):
    capture = SSECapture(urls, to=tmp_path / "c")
    try:
        shown = capture.streams.to_string() + repr(list(capture)) + repr(capture)
        shown += str(overview(capture)) + repr(
            {k: v for k, v in capture.get_state().items() if k not in ("_esm", "_css")}
        )
    finally:
        capture.close()
    assert "hunter2" not in shown
    with pytest.raises(KeyError) as caught:
        capture["http://me:hunter2@h/"]
    assert "hunter2" not in str(caught.value)


WRONG = [
    "last_event_id", "headers", "method", "params", "content", "json", "auth", "cookies", "client",
    "retry", "reconnect", "idle_timeout", "max_event_bytes", "stop_when", "dedupe", "resume",
    "max_events", "max_bytes", "save_events", "capture", "columns",
]  # fmt: skip


class Wrong:
    def __repr__(self):
        return "hunter2"

    __str__ = __repr__


@pytest.mark.parametrize("name", WRONG)
def test_no_option_repeats_a_value_that_it_refuses(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them is a folder
    refused = []
    for value in (
        Wrong(),
        "hunter2",
        b"hunter2",
        ["hunter2"],
        {"a": Wrong()},
    ):
        try:
            stream = SSEStream("http://127.0.0.1:1/", **{"retry": ONCE, name: value})
            stream.close()
        except Exception as error:
            refused.append("".join(traceback.format_exception(error)))
    assert refused
    assert "hunter2" not in "".join(refused)


# ---------------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    "proxy", ["http://me:hunter2@127.0.0.1:{}", "socks4://me:hunter2@127.0.0.1:1"]
)
@pytest.mark.parametrize("client", [None, httpx.AsyncClient], ids=["ours", "httpx"])
def test_a_proxys_password_is_nowhere(proxy, client, monkeypatch):
    refuses = answers("407 Who", "", "no: bWU6aHVudGVyMg== is not hunter2")
    with Server(refuses) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.format(server.port))
        monkeypatch.setenv("NO_PROXY", "")
        stream = SSEStream("http://example.invalid/", client=client, retry=ONCE)
        over(stream)
        text = said(stream)
        stream.close()
    assert "hunter2" not in text
    assert "bWU6aHVudGVyMg" not in text


def fails(event):
    raise ValueError(f"cannot read {event.data}")


@pytest.mark.parametrize("name", ["stop_when", "resume", "dedupe"])
def test_a_callable_that_repeats_what_a_server_said(name, tmp_path):
    """Its words are the person's, so the traceback has them; what is saved and shown has not."""
    events = sends(f"id: {SECRET}\ndata: {SECRET}\n\n")
    fn = (lambda last_id: fails(Event("", last_id, ""))) if name == "resume" else fails
    options = {"headers": {"X-Key": SECRET}, "retry": AT_ONCE, name: fn}
    with Server(events) as server:
        stream = SSEStream(server.url, **options)
        over(stream)
        shown = repr(stream.status) + repr(head(stream)) + saved_copy(stream)
        stream.close()
        capture = SSECapture({"a": server.url}, to=tmp_path / "c", **options)
        finished(capture)
        # An id is data, as an event is.
        shown += capture.streams.drop(columns="last_event_id").to_string()
        shown += str(overview(capture))
        capture.close()
    assert "cannot read ***" in shown
    assert not leaked(shown)
