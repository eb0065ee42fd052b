// Commands that go on after the last id; secrets stay away (DESIGN.md §5), and nothing in an id runs.
import { expect, it } from "vitest";
import { asCurl, asPython } from "./resume.ts";

it("plain", () => {
  expect(asCurl("https://a.example/s?x=1", "42")).toBe("curl -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: 42' 'https://a.example/s?x=1'");
  expect(asCurl("https://a.example/s", "")).toBe("curl -N -H 'Accept: text/event-stream' 'https://a.example/s'");
  expect(asPython("https://a.example/s", "42")).toBe('from sse_widget import SSEStream\n\nstream = SSEStream("https://a.example/s", last_event_id="42")\nstream');
});

it("a masked secret becomes a placeholder", () => {
  expect(asCurl("https://***@a.example/s?key=***&b=1", "")).toBe(`curl -N -H 'Accept: text/event-stream' 'https://'"$TOKEN"'@a.example/s?key='"$TOKEN"'&b=1'`);
  expect(asPython("https://a.example/s?key=***", "")).toContain('SSEStream("https://a.example/s?key=$TOKEN")');
  expect(asPython("https://a.example/s?key=***", "")).toContain("# Put the secret in the place of $TOKEN.");
});

it.each(["it's", "\u001b[31m'\\x", "\u202Eevil", "\u0085"])("what a terminal obeys or an editor hides is never pasted: %j", (id) => {
  const odd = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/;
  expect(asCurl("u", id)).not.toMatch(odd);
  expect(asPython("u", id)).not.toMatch(odd);
});
