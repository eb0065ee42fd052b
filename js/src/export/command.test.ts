// Commands that go on after the last id; secrets stay away, and nothing in an id runs.
import { expect, it } from "vitest";
import { asCurl, asPython, type Outline, placeholders } from "./command.ts";

const PLAIN: Outline = { method: "GET", headers: [], auth: "", cookies: false, body: "", unknown: [] };
const HOSTILE = [
  "it's",
  "\u001b[31m'\\x",
  "\u202Eevil",
  "\u0085",
  "\u001b[201~; touch pwned",
  "\u{e0041}\ufe0f\u00ad",
];

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

it("what a terminal obeys or an editor hides is never pasted", () => {
  const odd =
    // biome-ignore lint/suspicious/noMisleadingCharacterClass: each is sought by itself.
    /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFE0F\u{E0000}-\u{E01EF}]/u;
  for (const id of HOSTILE) {
    expect(asCurl("u", id)).not.toMatch(odd);
    expect(asPython("u", id)).not.toMatch(odd);
  }
});

it("an id that looks like a placeholder is none", () => {
  expect(placeholders("https://a.example/s", PLAIN)).toEqual([]);
  expect(asPython("https://a.example/s", '"$SECRET" $TOKEN')).not.toContain("# Put");
});

it("curl asks for one address and reads no file", () => {
  expect(asCurl("https://a.example/[1-9]?{a,b}", "")).toMatch(/^curl -N -g /);
  expect(asCurl("u", "", { ...PLAIN, headers: ["@/etc/passwd", "X"] })).not.toContain("passwd");
});

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

it("every header has a placeholder of its own, and none is a variable that a shell has", () => {
  const command = asCurl("u", "", { ...PLAIN, headers: ["X-A", "x_a", "_", "'", "9"] });
  expect(command.match(/"\$\w+"/g)).toEqual([
    '"$X_A"',
    '"$X_A_2"',
    '"$HEADER"',
    '"$HEADER_2"',
    '"$HEADER_3"',
  ]);
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
