/**
 * The stream as a command to run elsewhere: curl, or a cell of Python, going on after the last event
 * id. Secrets are not on this page: where the kernel masked one there is `$TOKEN`. Pure text.
 */
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
  const inside = [...value].map((char) => (ODD.test(char) ? escaped(char) : char === "'" || char === "\\" ? `\\${char}` : char));
  return `$'${inside.join("")}'`;
}

function python(value: string): string {
  return JSON.stringify(value).replace(new RegExp(ODD.source, "g"), escaped);
}

export function asCurl(url: string, lastEventId: string): string {
  // The shell puts the token in only between double quotes.
  const address = url.split(MASK).map((part) => (part === "" ? "" : shell(part))).join(`"${TOKEN}"`);
  const id = lastEventId === "" ? "" : ` -H ${shell(`Last-Event-ID: ${lastEventId}`)}`;
  return `curl -N -H 'Accept: text/event-stream'${id} ${address}`;
}

export function asPython(url: string, lastEventId: string): string {
  const address = url.replace(MASK, () => TOKEN);
  const id = lastEventId === "" ? "" : `, last_event_id=${python(lastEventId)}`;
  const hint = address === url ? "" : `# Put the secret in the place of ${TOKEN}.\n`;
  return `from sse_widget import SSEStream\n\n${hint}stream = SSEStream(${python(address)}${id})\nstream`;
}
