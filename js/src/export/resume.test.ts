// Commands that go on after the last id; secrets stay away, and nothing in an id runs.
import { expect, it } from "vitest";
import { asCurl, asPython } from "./resume.ts";

it("plain", () => {
  expect(asCurl("https://a.example/s?x=1", "42")).toBe(
    "curl -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: 42' 'https://a.example/s?x=1'",
  );
  expect(asCurl("https://a.example/s", "")).toBe(
    "curl -N -H 'Accept: text/event-stream' 'https://a.example/s'",
  );
  expect(asPython("https://a.example/s", "42")).toBe(
    'from sse_widget import SSEStream\n\nstream = SSEStream("https://a.example/s", last_event_id="42")\nstream',
  );
});

it("a masked secret becomes a placeholder", () => {
  expect(asCurl("https://***@a.example/s?key=***&b=1", "")).toBe(
    `curl -N -H 'Accept: text/event-stream' 'https://'"$TOKEN"'@a.example/s?key='"$TOKEN"'&b=1'`,
  );
  expect(asPython("https://a.example/s?key=***", "")).toContain(
    'SSEStream("https://a.example/s?key=$TOKEN")',
  );
  expect(asPython("https://a.example/s?key=***", "")).toContain(
    "# Put what is secret in the place of $TOKEN.",
  );
});

it.each(["it's", "\u001b[31m'\\x", "\u202Eevil", "\u0085"])(
  "what a terminal obeys or an editor hides is never pasted: %j",
  (id) => {
    const odd = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/;
    expect(asCurl("u", id)).not.toMatch(odd);
    expect(asPython("u", id)).not.toMatch(odd);
  },
);

it("what the kernel gives by name only has a placeholder of its own", () => {
  const outline = {
    method: "POST",
    headers: ["X-Api-Key", "it's`$x`"],
    auth: "basic",
    cookies: true,
    body: "json",
    unknown: [],
  } as const;
  const asked = { ...outline, headers: [...outline.headers], unknown: [] };
  expect(asCurl("https://a.example/s", "", asked)).toBe(
    "curl -N -H 'Accept: text/event-stream' -H 'X-Api-Key: '\"$X_API_KEY\" -H 'it'\\''s`$x`: '\"$IT_S__X_\" -H 'Cookie: '\"$COOKIE\" -u \"$AUTH\"" +
      " -H 'Content-Type: application/json' --data-binary \"$BODY\" 'https://a.example/s'",
  );
  const code = asPython("https://a.example/s", "", asked);
  expect(code).toContain('headers={"X-Api-Key": "$X_API_KEY", ');
  expect(code).toContain('json="$BODY"');
  expect(code).toContain(
    "# Put what is secret in the place of $X_API_KEY, $IT_S__X_, $COOKIE, $AUTH, $BODY.",
  );
});

it("a method that does not follow from the body is given", () => {
  const outline = {
    method: "PUT",
    headers: [],
    auth: "other",
    cookies: false,
    body: "content",
    unknown: [],
  } as const;
  expect(asCurl("u", "", { ...outline, headers: [], unknown: [] })).toBe(
    "curl -N -X 'PUT' -H 'Accept: text/event-stream' -H 'Authorization: '\"$AUTHORIZATION\" --data-binary \"$BODY\" 'u'",
  );
  expect(asPython("u", "", { ...outline, headers: [], unknown: [] })).toContain(
    'method="PUT", headers={"Authorization": "$AUTHORIZATION"}, content="$BODY"',
  );
});
