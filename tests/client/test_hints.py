"""Hints know what the person did, what the server asks for, and who reads them."""

from __future__ import annotations

import httpx
import pytest

from sse_widget import BadContentType, EventSource, SSECapture, SSEStream
from sse_widget.cli import main
from sse_widget.client.hint_facts import COMMAND_LINE, RequestFacts
from sse_widget.client.hints import content_hint, proxy_hint, status_hint

from ..helpers.clients import OVER, failure
from ..helpers.scripted import Server, answers, sends

ONE = "id: 1\ndata: a\n\n"
BEARER = {"www-authenticate": 'Bearer realm="x", error="invalid_token"'}
BOTH = {"www-authenticate": 'Basic realm="a, b", Digest nonce="x"'}


def facts(**given):
    return RequestFacts(url="http://example.com/", **given)


TOLD = facts(credentials=("headers=",))


@pytest.mark.parametrize(
    ("status", "known", "headers", "said", "unsaid"),
    [
        # 401: nobody is told to pass what was passed.
        (401, facts(), {}, "who you are", "check them"),
        (401, facts(), BOTH, "auth=(user, password)", "Bearer"),
        (401, facts(), BOTH, "httpx.DigestAuth", "Bearer"),
        (401, facts(), BEARER, 'headers={"Authorization": "Bearer ..."}', "auth="),
        (401, facts(), {"www-authenticate": "Negotiate"}, "Negotiate: auth= takes any", "Bearer"),
        (401, TOLD, {}, "the credentials in headers=: check them", "expired"),
        (401, TOLD, {}, "headers= takes a function, which is asked on every attempt", "Bearer"),
        (401, TOLD, BEARER, "they may have expired", "It asks for"),
        (401, facts(credentials=("auth=",), reconnected=True), {}, "may have expired", "check them"),
        (401, facts(credentials=("auth=",)), BOTH, "Digest: auth=httpx.DigestAuth", "a user and"),
        (401, facts(asked=("headers=",), asked_twice=True), {}, "asked for once more", "takes a fun"),
        (401, facts(credentials=("the URL", "auth=")), {}, "in the URL and auth=", ""),
        (403, facts(), {}, "It may want to know who you are", "rights"),
        (403, TOLD, {}, "check the rights", "who you are"),
        (403, facts(), {"server": "cloudflare"}, "lets no programs in", "who you are"),
        (
            403,
            facts(credentials=("auth=",), left_behind=True, origin="https://other.example"),
            {},
            "redirected to https://other.example",
            "rights",
        ),
        # The id may be the cause, and then it is named.
        (404, facts(), {}, "Check the path", "resume"),
        (404, facts(last_event_id="7"), {}, "resume after, '7': last_event_id='' begins anew", ""),
        (410, facts(last_event_id="7"), {}, "'7'", ""),
        (431, facts(last_event_id="x" * 5000), {}, "(5,000 characters)", "x" * 61),
        (500, facts(last_event_id="7"), {}, "error of its own", "resume"),
        # What else the request has.
        (405, facts(), {"allow": "POST, OPTIONS"}, "one of POST, OPTIONS: json= or content=", ""),
        (405, facts(method="POST"), {}, "a GET has no json=", "makes it a POST"),
        (406, facts(names=frozenset({"accept"})), {}, "Accept in headers=", "no event stream"),
        (406, facts(), {}, "no event stream at this address", "Accept"),
        (415, facts(method="POST"), {}, "json= sends JSON", ""),
        (304, facts(), {}, "If-None-Match", ""),
        (502, facts(proxy="http://p:1"), {}, "through the proxy http://p:1", ""),
        (502, facts(), {}, "in front of the server", "through"),
        (404, facts(proxy="http://p:1"), {}, "path", "proxy"),
        (522, facts(), {}, "Cloudflare", ""),
        (599, facts(), {}, "", "x"),
    ],
)  # fmt: skip
def test_a_hint_knows_what_was_given(status, known, headers, said, unsaid):
    hint = status_hint(status, known, httpx.Headers(headers))
    assert said in hint
    assert not unsaid or unsaid not in hint


def test_the_command_line_is_told_its_own_words():
    words = facts(speech=COMMAND_LINE)
    for known in (words, facts(speech=COMMAND_LINE, credentials=("headers=",), last_event_id="7")):
        for status in range(300, 600):
            for headers in ({}, BEARER, BOTH):
                hint = status_hint(status, known, httpx.Headers(headers))
                for option in ("headers=", "auth=", "last_event_id", "httpx", "params="):
                    assert option not in hint, (status, hint)
    assert '--header "Authorization: Bearer ..."' in status_hint(401, words, httpx.Headers(BEARER))


def test_plain_http_to_a_port_of_tls_is_told_to_take_https():
    body = "Client sent an HTTP request to an HTTPS server."
    assert "take https://" in status_hint(400, facts(), httpx.Headers(), body)


@pytest.mark.parametrize(
    ("essence", "body", "said"),
    [
        ("application/json", "data: {}\n\n", "looks like an event stream"),
        ("text/html", "\ufeff: comment\n", "looks like an event stream"),
        ("text/plain", "event: x\ndata: 1\n\n", "looks like an event stream"),
        ("application/json", '{"data": 1}', "plain JSON"),
        ("application/json", '[{"a": 1},\n{"b": 2}]', "plain JSON"),
        ("text/plain", '{"a": 1}\n{"b": 2}\n', "NDJSON"),
        ("application/json", '{"a": 1}\n{"b": 2}\n', "NDJSON"),
        ("application/x-ndjson", "", "NDJSON"),
        ("", "<!DOCTYPE html><p>hi", "HTML page"),
        ("text/html", "", "HTML page"),
        ("text/html", '<html><input type="password">', "a login page. "),
        ("application/xml", "<rss/>", "XML"),
        ("text/plain", "hello", "event stream's own"),
        ("", "", "event stream's own"),
    ],
)
def test_what_a_body_is_goes_before_what_its_type_says(essence, body, said):
    assert said in content_hint(essence, body, facts())


def test_a_proxy_that_asks_for_what_is_not_spoken_says_the_way_out():
    assert "NTLM" in proxy_hint(407, "HTTPS_PROXY", authorized=False, asks="NTLM")
    assert "cntlm" in proxy_hint(407, "HTTPS_PROXY", authorized=False, asks="Negotiate, NTLM")
    assert "user:password" in proxy_hint(407, "X", authorized=False, asks='NTLM, Basic realm="x"')


@pytest.mark.parametrize(
    ("status", "said"),
    [(302, "login"), (429, "patience"), (500, "of the proxy"), (502, "out of its reach")],
)
def test_what_a_proxy_answers_is_not_always_the_server_that_is_down(status, said):
    assert said in proxy_hint(status, "proxy=", authorized=False)


# ---------------------------------------------------------------------- real sockets

anyio = pytest.mark.anyio
both = pytest.mark.usefixtures("transport")


@anyio
@both
async def test_a_401_asks_a_callable_once_more_before_it_is_final():
    tokens = iter(["old", "new", "newer", "newest"])

    def headers():
        return {"Authorization": f"Bearer {next(tokens)}"}

    wants = answers("401 Unauthorized", "WWW-Authenticate: Bearer\r\n")
    with Server(wants, sends(ONE), wants, wants) as server:
        error = await failure(server.url, headers=headers)
    sent = [r.headers["authorization"] for r in server.requests]
    assert sent == ["Bearer old", "Bearer new", "Bearer newer", "Bearer newest"]
    assert error.status == 401
    assert "headers= gave, though it was asked for once more" in error.hint


@anyio
@both
@pytest.mark.parametrize("options", [{"headers": {"X-Api-Key": "k"}}, {"auth": ("a", "b")}])
async def test_a_401_to_what_stays_the_same_is_final_at_once(options):
    with Server(answers("401 Unauthorized")) as server:
        error = await failure(server.url, **options)
    assert len(server.requests) == 1
    (name,) = options
    assert f"the credentials in {name}=" in error.hint
    assert "pass auth" not in error.hint


@anyio
@both
async def test_a_token_in_the_url_is_a_credential_too():
    with Server(answers("401 Unauthorized")) as server:
        error = await failure(f"{server.url}?token=abc")
    assert "the credentials in the URL" in error.hint


@anyio
@both
async def test_credentials_that_a_redirect_left_behind_are_told_of():
    with Server(answers("401 Unauthorized")) as other:
        there = answers("302 Go", f"Location: {other.url}\r\n")
        with Server(there) as server:
            error = await failure(server.url, headers={"Authorization": "Bearer t"})
        assert f"redirected to {other.origin}" in error.hint
        with Server(there) as server:
            error = await failure(server.url)
        assert "who you are" in error.hint


@anyio
@both
async def test_an_id_that_may_be_the_cause_is_named_on_a_resume():
    with Server(sends(ONE), answers("404 Not Found")) as server:
        error = await failure(server.url)
    assert "Check the path" in error.hint
    assert "'1': last_event_id='' begins anew" in error.hint


@anyio
@both
async def test_a_body_goes_before_the_type_on_the_wire():
    with Server(answers("200 OK", "Content-Type: application/json\r\n", ONE[6:])) as server:
        error = await failure(server.url)
    assert isinstance(error, BadContentType)
    assert "looks like an event stream" in error.hint


@anyio
async def test_the_certificates_of_a_client_are_set_there(certificate):
    with Server(sends(ONE), tls=certificate) as server:
        ours = await failure(server.url, reconnect=False, client=None)
        theirs = await failure(server.url, reconnect=False, client=httpx.AsyncClient)
    assert "Where you trust it: verify= with" in ours.hint
    assert "the client's verify= with" in theirs.hint


def test_the_command_reads_its_own_words(tmp_path, capsys):
    wants = answers("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n')
    with Server(wants) as server:
        assert main(["record", server.url, "--to", str(tmp_path / "c")]) == 1
    said = capsys.readouterr().err
    assert "user:password@ before the host" in said
    assert "auth=" not in said


# ---------------------------------------------------------------------- names of other libraries


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("cert", "client=lambda: httpx.AsyncClient(cert=...)"),
        ("proxies", "proxy= is one proxy"),
        ("http2", "client=lambda: httpx.AsyncClient(http2=True)"),
        ("trust_env", "client=lambda: httpx.AsyncClient(trust_env=False)"),
        ("uds", "client=lambda: httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=...))"),
        ("timeout", "idle_timeout="),
        ("data", "content="),
        ("body", "json="),
        ("token", "headers="),
        ("api_key", "headers="),
        ("max_retries", "retry=RetryPolicy(attempts=...)"),
        ("retry_delay", "retry=RetryPolicy(initial=..."),
        ("session", "client="),
        ("ssl", "verify="),
        ("http_proxy", "proxy="),
        ("username", "auth=(user, password)"),
        ("last_id", "last_event_id="),
        ("follow_redirects", "redirects are followed"),
        ("query_params", "params="),
    ],
)
@pytest.mark.parametrize("make", [EventSource, SSEStream, SSECapture])
def test_a_name_of_another_library_leads_to_ours(make, name, here, tmp_path):
    more = {"to": tmp_path} if make is SSECapture else {}
    with pytest.raises(TypeError) as caught:
        make("http://127.0.0.1/", **{name: "hunter2"}, **more)
    said = str(caught.value)
    assert f"{make.__name__} has no option {name!r}: " in said
    assert here in said
    assert "hunter2" not in said
    assert not {"{}", "{{"} & set(said.split())


@pytest.mark.parametrize(
    ("make", "here"),
    [
        (SSEStream, "stream.filter = EventFilter(types={...})"),
        (SSECapture, "filter=EventFilter(types={...})"),
        (EventSource, "source.add_event_listener(type, fn)"),
    ],
)
@pytest.mark.parametrize("name", ["event_types", "types"])
def test_types_lead_to_the_filter(make, here, name, tmp_path):
    more = {"to": tmp_path} if make is SSECapture else {}
    with pytest.raises(TypeError) as caught:
        make("http://127.0.0.1/", **{name: ["trade"]}, **more)
    assert here in str(caught.value)


def test_a_blocking_client_is_refused_by_name():
    with httpx.Client() as client, pytest.raises(TypeError, match="blocking"):
        EventSource("http://127.0.0.1/", client=client)


def test_a_connection_tells_nothing_of_the_values_that_were_given():
    assert "hunter2" not in repr(facts(credentials=("headers=",), names=frozenset({"x-key"})))


def test_the_stream_ends_where_the_server_says_204():
    """What is over is no error, whatever was given."""
    with Server(OVER) as server:
        assert list(EventSource(server.url, auth=("a", "b"))) == []
