/**
 * What the page shows: the mirror of `sse_widget/filters/event_filter.py`, one shared table of cases for both.
 * It decides about one event at a time and never touches the DOM, the store or the wire.
 */
import { type Condition, conditionsTest, refusal } from "./conditions.ts";
import { Refusal } from "./escapes.ts";
import { loneSurrogate, translate } from "./patterns.ts";

/** A filter as it travels between Python and the page; times are milliseconds since 1970. */
export interface FilterState {
  types: string[] | null;
  exclude_types: string[];
  text: string;
  exclude: string;
  regex: boolean;
  case: boolean;
  since: number | null;
  until: number | null;
  /** conditions on the fields of JSON payloads; all must hold */
  where: Condition[];
}

/** No condition at all; how text is sought is another matter. */
export const UNFILTERED: Omit<FilterState, "regex" | "case"> = {
  types: null,
  exclude_types: [],
  text: "",
  exclude: "",
  since: null,
  until: null,
  where: [],
};
export const EVERYTHING: FilterState = Object.freeze({ ...UNFILTERED, regex: false, case: false });

export function passesEverything(f: FilterState): boolean {
  return (Object.keys(UNFILTERED) as (keyof typeof UNFILTERED)[]).every(
    (key) => JSON.stringify(f[key]) === JSON.stringify(UNFILTERED[key]),
  );
}

export type Compiled =
  | { ok: true; test(type: string, data: string, at: number): boolean; needsText: boolean }
  | { ok: false; reason: string };

type Finder = (data: string) => boolean;

function finder(needle: string, state: FilterState): Finder | null {
  if (needle === "") return null;
  if (state.regex) {
    const pattern = translate(needle, state.case);
    // V8 translates on first use, once for each width of text; what it refuses, it refuses here.
    pattern.test("a");
    pattern.test("\u3042");
    return (data) => pattern.test(data);
  }
  if (state.case) return (data) => data.includes(needle);
  const lowered = needle.toLowerCase();
  return (data) => data.toLowerCase().includes(lowered);
}

/** Why the filter cannot be run, in the words of Python's InvalidFilter; null where it can. */
function halves(state: FilterState): string | null {
  const texts: [string, string[]][] = [
    ["types", state.types ?? []],
    ["exclude_types", state.exclude_types],
    ["text", [state.text]],
    ["exclude", [state.exclude]],
  ];
  for (const [field, values] of texts) {
    for (const value of values) {
      const at = loneSurrogate(value);
      // includes() would find it in half of an astral character, which no other search does.
      if (at !== null)
        return `${field} holds half a character (a lone surrogate) at position ${at}\nRemove it: no event can hold it.`;
    }
  }
  return null;
}

/** The filter as a function of one event; `needsText` is false where `data` is not looked at. */
export function compile(state: FilterState): Compiled {
  const reason = halves(state) ?? state.where.map(refusal).find((why) => why !== null) ?? null;
  if (reason !== null) return { ok: false, reason };
  let wanted: Finder | null;
  let unwanted: Finder | null;
  let field = "";
  try {
    wanted = finder(state.text, state);
    field = "exclude: ";
    unwanted = finder(state.exclude, state);
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: field + error.message };
    // Not reached by any pattern we know: the engine itself refused what the translation wrote.
    return { ok: false, reason: `${field}the pattern cannot be run here (${String(error)})` };
  }
  const types = state.types === null ? null : new Set(state.types);
  const hidden = new Set(state.exclude_types);
  const { since, until } = state;
  const fields = conditionsTest(state.where);
  return {
    ok: true,
    needsText: wanted !== null || unwanted !== null || fields !== null,
    test(type, data, at) {
      if (types !== null && !types.has(type)) return false;
      if (hidden.has(type)) return false;
      // Written so that NaN, an event without a time, passes no bound.
      if (since !== null && !(at >= since)) return false;
      if (until !== null && !(at < until)) return false;
      if (wanted !== null && !wanted(data)) return false;
      if (unwanted?.(data)) return false;
      return fields === null || fields(data);
    },
  };
}
