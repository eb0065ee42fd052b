/**
 * Lays JSON out over lines by moving its own text: numbers of any size, duplicate keys and escapes
 * stay letter for letter, which a parse and print would change. What is not JSON gives `null`.
 */
export type Kind = "key" | "string" | "number" | "word" | "punct" | "space";
export type Token = readonly [kind: Kind, text: string];

/** Deeper levels are not indented further, or 100,000 brackets would become gigabytes of spaces. */
const MAX_DEPTH = 40;
const MAX_OUTPUT = 4 * 2 ** 20;
const TOKEN = /[ \t\r\n]+|([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d[\d.eE+-]*)|(true|false|null)/gy;

function newline(depth: number): Token {
  return ["space", `\n${"  ".repeat(Math.min(depth, MAX_DEPTH))}`];
}

export function pretty(source: string): Token[] | null {
  const start = source.trimStart()[0];
  if (start !== "{" && start !== "[") return null;
  try {
    JSON.parse(source);
  } catch {
    return null;
  }
  const out: Token[] = [];
  let size = 0;
  const push = (token: Token): void => {
    out.push(token);
    size += token[1].length;
  };
  const open: string[] = [];
  let fresh = false;
  let isKey = false;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match; match = TOKEN.exec(source)) {
    const [, punct, string, number, word] = match;
    if (!punct && !string && !number && !word) continue;
    if (size > MAX_OUTPUT) return null;
    const closes = punct === "}" || punct === "]";
    if (closes) open.pop();
    // An empty object or list stays on its line.
    if (fresh !== closes) push(newline(open.length));
    fresh = false;
    if (punct === ":") push(["punct", ": "]);
    else if (punct) push(["punct", punct]);
    else if (string) push([isKey ? "key" : "string", string]);
    else if (number) push(["number", number]);
    else if (word) push(["word", word]);
    if (punct === "{" || punct === "[") {
      open.push(punct);
      fresh = true;
    }
    if (punct === ",") push(newline(open.length));
    isKey = punct === "{" || (punct === "," && open.at(-1) === "{");
  }
  return out;
}
