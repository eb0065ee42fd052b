/**
 * Conditions on the fields of JSON payloads: the mirror of `sse_widget/filters/conditions.py`, one shared
 * table of cases for both. What has no such value (no JSON object, no such path, null, a number beyond a
 * double) has no value. It decides about one payload at a time and knows no events.
 */

import { numberOf, payloadOf, valueAt } from "../json/paths.ts";
import { loneSurrogate } from "./patterns.ts";

export type Plain = string | number | boolean | null;
/** As it travels: `["price", ">", 100]`, `["symbol", "in", ["BTC", "ETH"]]`. */
export type Condition = [path: string, op: string, value: Plain | Plain[]];

export const OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "in", "contains", "exists"] as const;

type Test = (value: unknown) => boolean;

const ORDERS: Record<string, (sign: number) => boolean> = {
  "<": (sign) => sign < 0,
  "<=": (sign) => sign <= 0,
  ">": (sign) => sign > 0,
  ">=": (sign) => sign >= 0,
};

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "number" && !Number.isFinite(value));
}

/** Negative, 0 or positive, by code points as in Python, not by halves of them. */
function compareTexts(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    // The first half is the same: then the second one decides.
    const from = i > 0 && /[\uD800-\uDBFF]/.test(a[i - 1]!) ? i - 1 : i;
    return a.codePointAt(from)! - b.codePointAt(from)!;
  }
  return a.length - b.length;
}

function equals(wanted: Plain): Test {
  if (wanted === null) return isMissing;
  if (typeof wanted === "number") return (value) => numberOf(value) === wanted;
  return (value) => value === wanted;
}

function ordered(op: string, wanted: Plain): Test {
  const order = ORDERS[op]!;
  if (typeof wanted === "string")
    return (value) => typeof value === "string" && order(compareTexts(value, wanted));
  return (value) => {
    const number = numberOf(value);
    return number !== null && order(number - (wanted as number));
  };
}

function contains(wanted: Plain): Test {
  const same = equals(wanted);
  return (value) => {
    if (Array.isArray(value)) return value.some(same);
    if (typeof wanted !== "string") return false;
    if (typeof value === "string") return value.includes(wanted);
    return typeof value === "object" && value !== null && Object.hasOwn(value, wanted);
  };
}

function testOf([, op, wanted]: Condition): Test {
  if (op === "exists") return (value) => !isMissing(value) === wanted;
  if (op === "in") {
    const tests = (wanted as Plain[]).map(equals);
    return (value) => tests.some((test) => test(value));
  }
  const plain = wanted as Plain;
  if (op in ORDERS) return ordered(op, plain);
  if (op === "contains") return contains(plain);
  const same = equals(plain);
  return op === "==" ? same : (value) => !same(value);
}

function isPlain(value: unknown): value is Plain {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

/** Why this is no condition; null where it is one. */
export function refusal([path, op, value]: Condition): string | null {
  const half = [path, value].flat().some((one) => typeof one === "string" && loneSurrogate(one) !== null);
  if (half) return "where holds half a character (a lone surrogate)";
  if (!(OPERATORS as readonly string[]).includes(op)) return `there is no operator '${op}'`;
  if (op === "in") {
    if (!Array.isArray(value) || !value.every(isPlain)) return `'${path}' in: give a list of values`;
    return value.length === 0 ? `'${path}' in []: no value is in an empty list` : null;
  }
  if (op === "exists")
    return typeof value === "boolean" ? null : `'${path}' exists: the value is true or false`;
  if (!isPlain(value)) return `'${path}' ${op}: give text, a number, true, false or null`;
  if (op in ORDERS && (value === null || typeof value === "boolean"))
    return `'${path}' ${op} ${value}: only numbers and texts have an order`;
  return null;
}

/** All of these conditions, which `refusal` lets through, as a function of a payload's text; null where
 * there is none. */
export function conditionsTest(where: readonly Condition[]): ((data: string) => boolean) | null {
  if (where.length === 0) return null;
  const tests = where.map((one) => [one[0], testOf(one)] as const);
  return (data) => {
    const payload = payloadOf(data);
    return tests.every(([path, test]) => test(valueAt(payload, path)));
  };
}
