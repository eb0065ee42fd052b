// Commands that go on after the last id; secrets stay away, and nothing in an id runs.
import { expect, it } from "vitest";
import { asCurl, asPython, PLAIN, secretHint } from "./command.ts";

const HOSTILE = [
  "it's",
  "\u001b[31m'\\x",
  "\u202Eevil",
  "\u0085",
  "\u001b[201~; touch pwned",
  "\u{e0041}\ufe0f\u00ad",
];

it("plain", () => {
  expect(asCurl("https://a.example/s?x=1", "42", PLAIN)).toBe(
    "curl -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: 42' 'https://a.example/s?x=1'",
  );
  expect(asCurl("https://a.example/s", "", PLAIN)).toBe(
    "curl -N -H 'Accept: text/event-stream' 'https://a.example/s'",
  );
  expect(asPython("https://a.example/s", "42", PLAIN)).toBe(
    'from sse_widget import SSEStream\n\nstream = SSEStream("https://a.example/s", last_event_id="42")\nstream',
  );
});

it("a masked secret becomes a placeholder", () => {
  expect(asCurl("https://***@a.example/s?key=***&b=1", "", PLAIN)).toBe(
    `curl -N -H 'Accept: text/event-stream' 'https://'"$TOKEN"'@a.example/s?key='"$TOKEN"'&b=1'`,
  );
  expect(asPython("https://a.example/s?key=***", "", PLAIN)).toContain(
    'SSEStream("https://a.example/s?key=$TOKEN")',
  );
  expect(asPython("https://a.example/s?key=***", "", PLAIN)).toContain(
    "# Put what is secret in the place of $TOKEN.",
  );
});

it("what a terminal obeys or an editor hides is never pasted", () => {
  const odd =
    // biome-ignore lint/suspicious/noMisleadingCharacterClass: each is sought by itself.
    /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFE0F\u{E0000}-\u{E01EF}]/u;
  for (const id of HOSTILE) {
    expect(asCurl("u", id, PLAIN)).not.toMatch(odd);
    expect(asPython("u", id, PLAIN)).not.toMatch(odd);
  }
});

it("an id that looks like a placeholder is none", () => {
  expect(secretHint("https://a.example/s", PLAIN)).toBe("");
  expect(asPython("https://a.example/s", '"$SECRET" $TOKEN', PLAIN)).not.toContain("# Put");
});

it("curl asks for one address", () => {
  expect(asCurl("https://a.example/[1-9]?{a,b}", "", PLAIN)).toMatch(/^curl -N -g /);
});

it("what the kernel wrote stands around the id", () => {
  const parts = {
    ...PLAIN,
    curl: [" -X 'PUT'", ` -H 'X: '"$X"`] as [string, string],
    python: ', method="PUT", headers={"X": "$X"}',
    places: ["$X"],
  };
  expect(asCurl("u", "7", parts)).toBe(
    `curl -N -X 'PUT' -H 'Accept: text/event-stream' -H 'Last-Event-ID: 7' -H 'X: '"$X" 'u'`,
  );
  expect(asPython("u", "7", parts)).toBe(
    'from sse_widget import SSEStream\n\n# Put what is secret in the place of $X.\nstream = SSEStream("u", last_event_id="7", method="PUT", headers={"X": "$X"})\nstream',
  );
});
