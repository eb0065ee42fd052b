"""A language model that is none: an answer to a chat request, as the events that spell it out.

The text is invented from a small grammar and is a pure function of the conversation, so that an
answer whose connection was lost goes on where it stopped, to the byte. Requests, chunks and errors
have the shape of OpenAI's chat completions (text, tool calls, usage), or of Anthropic's messages. Pure:
no I/O, no server.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .feeds import encode

MAX_BODY = 2**20
"""Bytes of a request that are read."""

TOO_LONG = f"The body is larger than {MAX_BODY >> 20} MiB"

_CREATED = 1_735_689_600
"""When each answer says it was made. A real time would differ in the part after a reconnect."""

_MAX_MODEL = 100


class BadRequest(ValueError):
    """A request that cannot be answered; `param` is the part of it to look at, "" for all of it."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what it says, and the event number n that says a part of it.

    Event 1 opens it, one event a token follows, then the one with the finish reason, one with the
    usage where it was asked for, and `[DONE]`.

    Attributes:
        asked: the tokens of the question.
        tokens: the tokens of the text; of a tool call, those of its arguments.
        tool: the function that is called; "" where the answer is a text.
        tells_usage: whether the stream ends with the usage (`stream_options`).
    """

    id: str
    model: str
    asked: int
    tokens: tuple[str, ...]
    tool: str = ""
    tells_usage: bool = False

    @property
    def last(self) -> int:
        """The number of the last event."""
        return len(self.tokens) + 3 + self.tells_usage

    @property
    def usage(self) -> dict[str, int]:
        said = len(self.tokens)
        return {
            "prompt_tokens": self.asked,
            "completion_tokens": said,
            "total_tokens": self.asked + said,
        }

    def encoded(self, number: int) -> bytes:
        return encode("", self.data(number), number)

    def data(self, number: int) -> str:
        """The data of event `number`, counted from 1."""
        said = len(self.tokens)
        if number == 1:
            return self._chunk(self._opening())
        if number <= said + 1:
            return self._chunk(self._piece(self.tokens[number - 2]))
        if number == said + 2:
            return self._chunk({}, "tool_calls" if self.tool else "stop")
        if number < self.last:
            return _json(
                {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage}
            )
        return "[DONE]"

    def whole(self) -> dict[str, Any]:
        """All of it as one object, for somebody who asked without `"stream": true`."""
        said = "".join(self.tokens)
        message: dict[str, Any] = {"role": "assistant", "content": None if self.tool else said}
        if self.tool:
            message["tool_calls"] = [self._call(said)]
        finish = "tool_calls" if self.tool else "stop"
        return {
            **self._head("chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self.usage,
        }

    def messages(self) -> list[tuple[str, str]]:
        """The same answer as the events (type and data) of Anthropic's messages."""
        about: dict[str, Any] = {
            "id": f"msg_{self.id.removeprefix('chatcmpl-')}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": self.asked, "output_tokens": 1},
        }
        block: dict[str, Any] = {"type": "text", "text": ""}
        kind, part = "text", "text"
        if self.tool:
            call = self._call("")["id"].replace("call_", "toolu_")
            block = {"type": "tool_use", "id": call, "name": self.tool, "input": {}}
            kind, part = "input_json", "partial_json"
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": about},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "ping"},
            *(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": f"{kind}_delta", part: token},
                }
                for token in self.tokens
            ),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {
                    "stop_reason": "tool_use" if self.tool else "end_turn",
                    "stop_sequence": None,
                },
                "usage": {"output_tokens": len(self.tokens)},
            },
            {"type": "message_stop"},
        ]
        return [(event["type"], _json(event)) for event in events]

    def _opening(self) -> dict[str, Any]:
        if self.tool:
            return {"role": "assistant", "content": None, "tool_calls": [self._call("")]}
        return {"role": "assistant", "content": ""}

    def _piece(self, token: str) -> dict[str, Any]:
        if self.tool:
            return {"tool_calls": [{"index": 0, "function": {"arguments": token}}]}
        return {"content": token}

    def _call(self, arguments: str) -> dict[str, Any]:
        return {
            "index": 0,
            "id": f"call_{self.id.removeprefix('chatcmpl-')}",
            "type": "function",
            "function": {"name": self.tool, "arguments": arguments},
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": _CREATED, "model": self.model}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _json({**self._head("chat.completion.chunk"), "choices": [choice]})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def failure(message: str, param: str = "") -> dict[str, Any]:
    """An error as the API words it."""
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": param or None,
            "code": None,
        }
    }


def read(body: bytes) -> tuple[Answer, bool]:
    """The answer to a request's body, and whether it is wanted as a stream.

    Raises:
        BadRequest: there is nothing in it to answer.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is no JSON: {error}") from None
    if not isinstance(request, dict):
        raise BadRequest('The body must be an object: {"messages": [...], "stream": true}')
    model = request.get("model", "demo")
    if not isinstance(model, str) or len(model) > _MAX_MODEL:
        raise BadRequest(f"model must be a name of at most {_MAX_MODEL} characters", "model")
    stream = request.get("stream", False)
    if not isinstance(stream, bool | None):
        raise BadRequest("stream must be true or false", "stream")
    messages = _messages(request.get("messages"))
    # ASCII, because a JSON escape may spell half a character, which nothing else can.
    seed = json.dumps(messages)
    question = next((text for role, text in reversed(messages) if role == "user"), messages[-1][1])
    tool, text = "", ""
    if messages[-1][0] == "user":  # and not the result of a tool, which is answered in words
        tool, text = _call(request.get("tools"), question)
    options = request.get("stream_options")
    answer = Answer(
        id=f"chatcmpl-{hashlib.sha256(seed.encode()).hexdigest()[:24]}",
        model=model.encode(errors="replace").decode(),
        asked=sum(len(_tokens(text)) for _, text in messages),
        tokens=_tokens(text or _text(question, random.Random(seed))),
        tool=tool,
        tells_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )
    return answer, bool(stream)


def _call(tools: object, question: str) -> tuple[str, str]:
    """The name of the first tool there is, and arguments for it; "" for no tools."""
    if tools is None or tools == []:
        return "", ""
    first = tools[0] if isinstance(tools, list) else None
    function = first.get("function") if isinstance(first, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRequest('tools must be a list of {"type": "function", "function": {...}}', "tools")
    parameters = function.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    topic = (_topics(question) or ["nothing"])[-1]
    made: dict[str, Any] = {
        str(name): 2 if isinstance(of, dict) and of.get("type") in ("number", "integer") else topic
        for name, of in (properties.items() if isinstance(properties, dict) else ())
    }
    return function["name"], json.dumps(made)


def _messages(value: object) -> list[tuple[str, str]]:
    """The conversation as (role, text)."""
    if not isinstance(value, list) or not value:
        raise BadRequest(
            'messages must be a list with something in it: [{"role": "user", "content": "..."}]',
            "messages",
        )
    found = []
    for number, message in enumerate(value):
        where = f"messages.{number}"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest(f'{where} must be {{"role": "user", "content": "..."}}', where)
        content = message.get("content")
        if content is None and message.get("tool_calls"):
            content = ""
        found.append((message["role"], _content(content, f"{where}.content")))
    return found


def _content(content: object, where: str) -> str:
    if isinstance(content, str):
        return content
    # Or in parts, of which we read the text.
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return " ".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    raise BadRequest(f"{where} must be a text", where)


# --- the text -----------------------------------------------------------------------------------

_COMMON_WORDS = (
    "about also and any are but can could did does explain for from give has have how into its "
    "know like many more much not one our please say she should some tell than that the their "
    "them then there these they this those use very want was were what when where which who why "
    "will with would write you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_TOPICS, _TOPIC = 3, 30  # how many, and how long
_TITLES = ("On {}", "A few words on {}", "{}, as far as I know", "The short story of {}")
_OPENERS = (
    "What a good thing to ask. I have thought about **{}** for almost a second — which is a long "
    "time for me — and this is what I found.",
    "Ah, **{}**! Few subjects go as well with a café and an open window, and fewer still look so "
    "simple from a distance.",
    "Thank you for asking about **{}**. Everything below is invented, but it is invented with "
    "care, and it will be the same the next time you ask.",
)
_FACTS = (
    "Those who keep *{}* for a hobby say that the first year is the hardest.",
    "The oldest drawing of *{}* hangs in a museum in Überlingsen, slightly too high.",
    "It is often said that *{}* came first; the archives are politely silent on that.",
    "On a clear day, *{}* can be seen from as far away as one is willing to walk.",
    "No two people agree on how *{}* should be spelled → everybody writes it as it sounds.",
    "There is a naïve way to count *{}*, and it is also the right one.",
    "Nobody hurries *{}*, and so nobody is ever late for it.",
)
_POINTS = (
    "**{}** — begin here; most people do",
    "**{}** — at its best between 16 and 19 °C",
    "**{}** — easier than it looks, harder than it sounds",
    "**{}** — see also: “the art of waiting”",
    "**{}** — ½ patience, ½ practice",
)
_LISTS = (
    "If you want to look into it yourself:",
    "Three things to remember:",
    "In order of appearance:",
)
_CLOSINGS = (
    "I hope that helps. If it does not, ask again: I shall say the same, with the same conviction. 🙂",
    "That is all I know, and a little more. Good luck with {}!",
    "Whatever you do with {}, do it in daylight and take a friend along. À bientôt!",
)


def _text(question: str, chance: random.Random) -> str:
    """Something pleasant about the words of a question, in Markdown."""
    topics = _topics(question) or ["nothing in particular"]
    first = topics[0]
    title = chance.choice(_TITLES).format(first)
    facts = chance.sample(_FACTS, 4)
    told = [fact.format(topics[n % len(topics)]) for n, fact in enumerate(facts)]
    points = chance.sample(_POINTS, 3)
    listed = [f"- {point.format(topics[n % len(topics)])}" for n, point in enumerate(points)]
    return "\n\n".join(
        (
            f"## {title[0].upper()}{title[1:]}",
            chance.choice(_OPENERS).format(first),
            " ".join(told[:2]),
            " ".join(told[2:]),
            chance.choice(_LISTS),
            "\n".join(listed),
            chance.choice(_CLOSINGS).format(" and ".join(topics[:2])),
        )
    )


def _topics(question: str) -> list[str]:
    """What a question is about: its words between the common ones, together where they stood so."""
    found: dict[str, None] = {}
    for part in re.split(r"[^\w\s]", question[:2_000]):
        words = re.findall(r"[^\W\d_]+", part)
        for common, run in groupby(words, key=lambda w: len(w) < 3 or w.lower() in _COMMON):
            if not common:
                found[" ".join(run)[:_TOPIC]] = None
    return list(found)[:_TOPICS]


def _tokens(text: str) -> tuple[str, ...]:
    """A text in pieces about as long as a model's; joined, they are the text."""
    return tuple(re.findall(r"\n+|\s?\w{1,8}|\s?[^\w\s]+|\s", text))
