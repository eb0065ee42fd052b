// What is taken away is what was shown, in formats others read.
import { expect, it } from "vitest";
import { asJson, asLine, type Format, iso, type Row, Writer } from "./export.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const row = (seq: number, more: Partial<Row> = {}): Row => ({
  seq,
  at: AT,
  type: "message",
  id: "",
  data: "x",
  ...more,
});
const written = (format: Format, rows: Row[]): string => {
  const writer = new Writer(format);
  return writer.head() + rows.map((r) => writer.write(r)).join("");
};

it("ndjson", () => {
  expect(written("ndjson", [row(7, { id: "a", data: 'line\n"q"' }), row(8, { at: Number.NaN })])).toBe(
    '{"seq":7,"received_at":"2026-01-02T03:04:05.006Z","type":"message","last_event_id":"a","data":"line\\n\\"q\\""}\n' +
      '{"seq":8,"received_at":null,"type":"message","last_event_id":"","data":"x"}\n',
  );
});

it("csv quotes every text, and none of them is a formula", () => {
  expect(
    written("csv", [
      row(1, { type: "a,b", data: 'he said "no"\nand left' }),
      row(2, { at: AT + 0.007, data: "=1+1", id: "-1" }),
    ]),
  ).toBe(
    '"seq","received_at","type","last_event_id","data"\n' +
      '1,"2026-01-02T03:04:05.006000Z","a,b","","he said ""no""\nand left"\n' +
      '2,"2026-01-02T03:04:05.006007Z","message","\'-1","\'=1+1"\n',
  );
});

it("times are as exact as they are known", () => {
  expect([iso(AT), iso(AT, true), iso(AT + 0.123), iso(-0.001), iso(Number.NaN)]).toEqual([
    "2026-01-02T03:04:05.006Z",
    "2026-01-02T03:04:05.006000Z",
    "2026-01-02T03:04:05.006123Z",
    "1969-12-31T23:59:59.999999Z",
    null,
  ]);
});

it("sse writes an id where it changes, and a line end as another data line", () => {
  const rows = [
    row(0),
    row(1, { id: "5", type: "trade" }),
    row(2, { id: "5", data: "a\nb\n" }),
    row(3, { id: "", data: "" }),
  ];
  const time = ": received_at=2026-01-02T03:04:05.006Z\n";
  expect(written("sse", rows)).toBe(
    `${time}data: x\n\n${time}id: 5\nevent: trade\ndata: x\n\n${time}data: a\ndata: b\ndata: \n\n${time}id: \ndata: \n\n`,
  );
});

it("one event for the clipboard", () => {
  expect(asLine(row(1, { id: "9", type: "t", data: "a\tb\nc" }))).toBe(
    "2026-01-02T03:04:05.006Z\tt\t9\ta b c",
  );
  expect(asLine(row(1, { type: "=1", data: "\tx" }))).toBe("2026-01-02T03:04:05.006Z\t'=1\t\t' x");
  expect(JSON.parse(asJson(row(1, { id: "9" })))).toEqual({
    seq: 1,
    received_at: "2026-01-02T03:04:05.006Z",
    type: "message",
    last_event_id: "9",
    data: "x",
  });
});
