/**
 * Turns numbers, times and event text into what a person reads: pure functions, chosen to be cheap
 * enough for every visible row at every frame. Text from a server comes out as `visible.ts` says, never
 * as markup.
 */
import { oneName, wholeEnd } from "../../events/visible.ts";

const numbers = new Intl.NumberFormat("en-US");

export function count(n: number): string {
  return numbers.format(n);
}

/** A word as a sentence begins with it. */
export function capital(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

/** "1 event", "2 events" */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : more}`;
}

const figures = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 7 });
/** A measured number, as short as it can be told. */
export function figure(n: number): string {
  const size = Math.abs(n);
  return size !== 0 && (size >= 1e12 || size < 1e-6) ? n.toExponential(3) : figures.format(n);
}

export function rate(perSecond: number): string {
  return perSecond < 10 && perSecond > 0 ? `${perSecond.toFixed(1)}/s` : `${count(Math.round(perSecond))}/s`;
}

export function bytes(n: number): string {
  if (n < 1024) return many(n, "byte");
  let unit = 0;
  for (n /= 1024; n >= 1024 && unit < 2; unit++) n /= 1024;
  return `${trim(n)} ${"KMG"[unit]}iB`;
}

function trim(n: number): string {
  return n >= 100 ? n.toFixed(0) : n.toFixed(1).replace(/\.0$/, "");
}

const two = (n: number): string => (n < 10 ? `0${n}` : String(n));

/** Date and time as ISO 8601 writes them, local or UTC; "" where it is no time. */
function stamp(ms: number, utc: boolean): string {
  const t = new Date(utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);
  return Number.isNaN(t.getTime()) ? "" : t.toISOString().slice(0, -1);
}
/** Time of day, local or UTC, HH:MM:SS.mmm. */
export function clock(ms: number, utc = false): string {
  return stamp(ms, utc).slice(-12) || "unknown time";
}
/** The same, after its date where that is not the date of `now`. */
export function moment(ms: number, now: number, utc: boolean): string {
  // A year may have more than four digits.
  const [day, today] = [stamp(ms, utc).slice(0, -13), stamp(now, utc).slice(0, -13)];
  const date = day === today ? "" : day.slice(0, -5) === today.slice(0, -5) ? day.slice(-5) : day;
  return `${date} ${clock(ms, utc)}`.trim();
}
/** How far local time is from UTC: +02:00. */
export function offsetOf(ms: number): string {
  // As the standard writes a date out: GMT+0200.
  return (
    /GMT(...)(..)/
      .exec(`${new Date(ms)}`)
      ?.slice(1)
      .join(":") ?? ""
  );
}
/** Local date and time with its offset, as in ISO 8601. */
export function fullTime(ms: number): string {
  const at = stamp(ms, false);
  return (at && `${at}${offsetOf(ms)}`.replace("+00:00", "Z")) || "unknown time";
}

/** How long ago, in the largest unit that says enough; never changes faster than a person reads. */
export function ago(ms: number): string {
  if (Number.isNaN(ms)) return "";
  const s = Math.max(0, ms) / 1000;
  if (s < 1) return "now";
  const [seconds, unit] =
    s < 60 ? [1, "s"] : s < 3600 ? [60, "min"] : s < 86_400 ? [3600, "h"] : [86_400, "d"];
  return `${Math.floor(s / seconds)} ${unit} ago`;
}
/** A difference of times with its sign: +31 ms, +1.204 s, +2:03.400. */
export function delta(ms: number): string {
  if (Number.isNaN(ms)) return "";
  const sign = ms < 0 ? "\u2212" : "+";
  const t = Math.round(Math.abs(ms));
  if (t < 1000) return `${sign}${t} ms`;
  if (t < 60_000) return `${sign}${(t / 1000).toFixed(3)} s`;
  const m = Math.floor(t / 60_000);
  const rest = ((t % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return m < 60
    ? `${sign}${m}:${rest}`
    : `${sign}${count(Math.floor(m / 60))}:${two(m % 60)}:${rest.slice(0, 2)}`;
}

/** The beginning of a name (a type, an id, a path) that may be very long. */
export function brief(value: string, length: number): string {
  return cutAt(oneName(value.slice(0, length + 1)), length);
}

/** The first characters of a line, with a sign where more follows; never half a surrogate pair. */
export function cutAt(value: string, length: number): string {
  if (value.length <= length) return value;
  return `${value.slice(0, wholeEnd(value, length))}\u2026`;
}
