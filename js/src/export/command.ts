/**
 * The stream as a command to run elsewhere: curl, or a cell of Python, going on after the last event id. What
 * stands beside the address and the id the kernel wrote (`sse_widget/stream/resume_command.py`). Secrets are
 * not on this page: where the kernel masked one there is a placeholder. Whatever is in an id or an address, it
 * is one argument of the command and no more. Pure text.
 */

import { UNSEEN } from "../events/visible.ts";

/** What the kernel tells of a request beside its address: never a value. */
export interface CommandParts {
  /** what follows `curl -N`, and what follows the id */
  curl: [string, string];
  /** the arguments that follow the id */
  python: string;
  /** the placeholders in it */
  places: string[];
  /** options that are functions: what they give is not known */
  unknown: string[];
}

export const PLAIN: CommandParts = { curl: ["", ""], python: "", places: [], unknown: [] };
const MASK = /\*\*\*|%2A%2A%2A/gi;
const TOKEN = "$TOKEN";
const utf8 = new TextEncoder();

/** Quotes, backslashes, and runs of what is not seen; a line feed is, and printf would lose it at the end. */
const PIECES = new RegExp(`(['\\\\]|(?:(?!\n)${UNSEEN.source})+)`, "u");

/**
 * One word that sh, bash, dash, zsh and fish all read as this value. A backslash and a quote stand outside of
 * quotes: within them fish reads a backslash otherwise than the others. What a terminal obeys or an editor
 * hides is not in the text at all; printf makes it, byte by byte, as POSIX has it.
 */
function shell(value: string): string {
  return value
    .replaceAll("\0", "") // no argument can hold it
    .split(PIECES)
    .map((piece, i) => {
      if (piece === "") return "";
      if (i % 2 === 0) return `'${piece}'`;
      if (piece === "'" || piece === "\\") return `\\${piece}`;
      const bytes = [...utf8.encode(piece)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
      return `"$(printf '${bytes.join("")}')"`;
    })
    .join("");
}

function python(value: string): string {
  return JSON.stringify(value).replace(UNSEEN, (char) => {
    const code = char.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

export function asCurl(url: string, lastEventId: string, { curl: [first, rest] }: CommandParts): string {
  // Or curl asks for each of [1-1000] and {a,b}.
  const literal = /[[\]{}]/.test(url) ? " -g" : "";
  const id = lastEventId === "" ? "" : ` -H ${shell(`Last-Event-ID: ${lastEventId}`)}`;
  const address = url.split(MASK).map(shell).join(`"${TOKEN}"`);
  return `curl -N${literal}${first} -H 'Accept: text/event-stream'${id}${rest} ${address}`;
}

export function asPython(url: string, lastEventId: string, parts: CommandParts): string {
  const id = lastEventId === "" ? "" : `, last_event_id=${python(lastEventId)}`;
  const address = python(url.replace(MASK, () => TOKEN));
  const hint = secretHint(url, parts);
  return `from sse_widget import SSEStream\n\n${hint && `# ${hint}\n`}stream = SSEStream(${address}${id}${parts.python})\nstream`;
}

/** What is left to do for who has the command; "" where it is complete. What an id looks like is no placeholder. */
export function secretHint(url: string, { places }: CommandParts): string {
  const all = url.search(MASK) >= 0 ? [TOKEN, ...places] : places;
  return all.length > 0 ? `Put what is secret in the place of ${[...new Set(all)].join(", ")}.` : "";
}
