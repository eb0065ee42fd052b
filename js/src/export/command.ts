/**
 * The stream as a command to run elsewhere: curl, or a cell of Python, going on after the last event
 * id. Secrets are not on this page: where the kernel masked one, and for what it gives by name only
 * (headers, credentials, a body), there is a placeholder. Whatever is in an id, a name or an address, it
 * is one argument of the command and no more. Pure text.
 */
import { UNSEEN } from "../events/visible.ts";

/** What the kernel tells of a request beside its address: never a value. */
export interface Outline {
  method: string;
  headers: string[];
  auth: "" | "basic" | "other";
  cookies: boolean;
  body: "" | "json" | "content";
  /** options that are functions: what they give is not known */
  unknown: string[];
}
interface Header {
  name: string;
  variable: string;
}

const PLAIN: Outline = { method: "GET", headers: [], auth: "", cookies: false, body: "", unknown: [] };
const MASK = /\*\*\*|%2A%2A%2A/gi;
const TOKEN = "$TOKEN";
const utf8 = new TextEncoder();

/**
 * One word that sh, bash, dash, zsh and fish all read as this value. A backslash and a quote stand outside of
 * quotes: within them fish reads a backslash otherwise than the others. What a terminal obeys or an editor
 * hides is not in the text at all; printf makes it, byte by byte, as POSIX has it.
 */
function shell(value: string): string {
  const given = value.replaceAll("\0", ""); // no argument can hold it
  if (given === "") return "''";
  return given
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
/** Quotes, backslashes, and runs of what is not seen; a line feed is, and printf would lose it at the end. */
const PIECES = new RegExp(`(['\\\\]|(?:(?!\n)${UNSEEN.source})+)`, "u");

function python(value: string): string {
  return JSON.stringify(value).replace(UNSEEN, (char) => {
    const code = char.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** A variable for each, of its own; without a letter its name could be one of the shell's. */
function variables(names: string[]): string[] {
  const taken = new Map<string, number>();
  return names.map((name) => {
    const plain = name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
    const base = /[A-Z]/.test(plain) ? plain.replace(/^(?=\d)/, "_") : "HEADER";
    const n = (taken.get(base) ?? 0) + 1;
    taken.set(base, n);
    return `$${base}${n > 1 ? `_${n}` : ""}`;
  });
}

/** Headers whose values are not on this page. */
function secretHeaders(outline: Outline): Header[] {
  // curl would take what follows an @ for the name of a file, and no request can have such a header.
  const names = outline.headers.filter((name) => !name.startsWith("@"));
  if (outline.auth === "other" && !names.some((name) => name.toLowerCase() === "authorization"))
    names.push("Authorization");
  if (outline.cookies) names.push("Cookie");
  const given = variables(names);
  return names.map((name, i) => ({ name, variable: given[i]! }));
}

export function asCurl(url: string, lastEventId: string, outline: Outline = PLAIN): string {
  const words = ["curl", "-N"];
  // Or curl asks for each of [1-1000] and {a,b}.
  if (/[[\]{}]/.test(url)) words.push("-g");
  // With a body curl sends POST by itself.
  if (outline.method !== (outline.body ? "POST" : "GET")) words.push("-X", shell(outline.method));
  words.push("-H", "'Accept: text/event-stream'");
  if (lastEventId !== "") words.push("-H", shell(`Last-Event-ID: ${lastEventId}`));
  // The shell puts a value in only between double quotes.
  for (const header of secretHeaders(outline))
    words.push("-H", `${shell(`${header.name}: `)}"${header.variable}"`);
  if (outline.auth === "basic") words.push("-u", '"$AUTH"');
  if (outline.body === "json") words.push("-H", "'Content-Type: application/json'");
  if (outline.body) words.push("--data-binary", '"$BODY"');
  words.push(
    url
      .split(MASK)
      .map((part) => (part === "" ? "" : shell(part)))
      .join(`"${TOKEN}"`),
  );
  return words.join(" ");
}

export function asPython(url: string, lastEventId: string, outline: Outline = PLAIN): string {
  const args = [python(url.replace(MASK, () => TOKEN))];
  if (lastEventId !== "") args.push(`last_event_id=${python(lastEventId)}`);
  if (outline.method !== (outline.body ? "POST" : "GET")) args.push(`method=${python(outline.method)}`);
  const headers = secretHeaders(outline).map(({ name, variable }) => `${python(name)}: ${python(variable)}`);
  if (headers.length > 0) args.push(`headers={${headers.join(", ")}}`);
  if (outline.auth === "basic") args.push('auth=tuple("$AUTH".split(":", 1))');
  if (outline.body === "json") args.push('json="$BODY"');
  if (outline.body === "content") args.push('content="$BODY"');
  const made = `stream = SSEStream(${args.join(", ")})\nstream`;
  const hint = secretHint(url, outline);
  return `from sse_widget import SSEStream\n\n${hint && `# ${hint}\n`}${made}`;
}

/** What is left to do for who has the command; "" where it is complete. */
export function secretHint(url: string, outline: Outline = PLAIN): string {
  const places = placeholders(url, outline);
  return places.length > 0 ? `Put what is secret in the place of ${places.join(", ")}.` : "";
}

/** The placeholders of these commands, each once; what an id looks like is none. */
export function placeholders(url: string, outline: Outline = PLAIN): string[] {
  const places = url.search(MASK) >= 0 ? [TOKEN] : [];
  places.push(...secretHeaders(outline).map(({ variable }) => variable));
  if (outline.auth === "basic") places.push("$AUTH");
  if (outline.body) places.push("$BODY");
  return [...new Set(places)];
}
