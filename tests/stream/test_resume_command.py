"""What a page writes into a command that asks for the same elsewhere: names, and never a value."""

from __future__ import annotations

import re

from sse_widget import SSEStream


def told(**options):
    """What the page of such a stream is told of its request."""
    with SSEStream("http://127.0.0.1:1/", **options) as stream:
        return stream.get_state()["_settings"]["request"]


def test_a_plain_request_has_nothing_beside_its_address():
    assert told() == {"curl": ("", ""), "python": "", "places": [], "unknown": []}


def test_what_is_given_by_name_only_has_a_placeholder_of_its_own():
    asked = told(
        headers={"X-Api-Key": "s3cret", "it's`$x`": "s3cret"},
        auth=("me", "s3cret"),
        cookies={"a": "s3cret"},
        json={"n": "s3cret"},
    )
    assert asked == {
        "curl": (
            "",
            " -H 'X-Api-Key: '\"$X_API_KEY\" -H 'it'\\''s`$x`: '\"$IT_S__X_\" -H 'Cookie: '\"$COOKIE\""
            ' -u "$AUTH" -H \'Content-Type: application/json\' --data-binary "$BODY"',
        ),
        "python": ', headers={"X-Api-Key": "$X_API_KEY", "it\'s`$x`": "$IT_S__X_", "Cookie": "$COOKIE"}, '
        'auth=tuple("$AUTH".split(":", 1)), json="$BODY"',
        "places": ["$X_API_KEY", "$IT_S__X_", "$COOKIE", "$AUTH", "$BODY"],
        "unknown": [],
    }


def test_every_header_has_a_variable_of_its_own_and_none_that_a_shell_has():
    _, rest = told(headers=dict.fromkeys(["X-A", "x_a", "_", "'", "9"], "1"))["curl"]
    variables = ['"$X_A"', '"$X_A_2"', '"$HEADER"', '"$HEADER_2"', '"$HEADER_3"']
    assert re.findall(r'"\$\w+"', rest) == variables


def test_a_method_that_does_not_follow_from_the_body_is_given():
    asked = told(method="PUT", content="x", headers={"Authorization": "Bearer s3cret"})
    assert asked["curl"] == (
        " -X 'PUT'",
        ' -H \'Authorization: \'"$AUTHORIZATION" --data-binary "$BODY"',
    )
    assert (
        asked["python"]
        == ', method="PUT", headers={"Authorization": "$AUTHORIZATION"}, content="$BODY"'
    )
