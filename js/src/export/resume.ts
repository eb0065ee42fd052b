/**
 * The stream as a command to run elsewhere: curl, or a cell of Python, going on after the last event
 * id. Secrets are not on this page: where the kernel masked one, and for what it gives by name only
 * (headers, credentials, a body), there is a placeholder. Pure text.
 */
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
/** What a terminal obeys, or an editor hides: never pasted as it is. */
const ODD = /[\u0000-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/;

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** One word for sh; bash and zsh where it has characters that must be escaped. */
function shell(value: string): string {
  if (!ODD.test(value)) return `'${value.replaceAll("'", "'\\''")}'`;
  const inside = [...value].map((char) =>
    ODD.test(char) ? escaped(char) : char === "'" || char === "\\" ? `\\${char}` : char,
  );
  return `$'${inside.join("")}'`;
}

function python(value: string): string {
  return JSON.stringify(value).replace(new RegExp(ODD.source, "g"), escaped);
}

function variable(name: string): string {
  return `$${name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^(?=\d)/, "_")}`;
}

/** Headers whose values are not on this page. */
function secretHeaders(outline: Outline): Header[] {
  const names = [...outline.headers];
  if (outline.auth === "other" && !names.some((name) => name.toLowerCase() === "authorization"))
    names.push("Authorization");
  if (outline.cookies) names.push("Cookie");
  return names.map((name) => ({ name, variable: variable(name) }));
}

export function asCurl(url: string, lastEventId: string, outline: Outline = PLAIN): string {
  const words = ["curl", "-N"];
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
  const places = placeholders(made);
  const hint = places.length > 0 ? `# Put what is secret in the place of ${places.join(", ")}.\n` : "";
  return `from sse_widget import SSEStream\n\n${hint}${made}`;
}

/** The placeholders of a command, each once. */
export function placeholders(command: string): string[] {
  return [...new Set(command.match(/(?<=")\$[A-Z_][A-Z0-9_]*(?=")|\$TOKEN/g) ?? [])];
}
