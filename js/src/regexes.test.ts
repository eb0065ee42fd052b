/**
 * No expression of the page takes more than linear time: a row may hold 64 KiB of whatever is worst for it.
 * Every literal in the sources is looked at, and every expression that a module makes when it is loaded:
 * first by reasoning (recheck), then by feeding it 64 KiB of each of the characters it is about.
 */
import { checkSync } from "recheck";
import { parseSync } from "vite";
import { beforeAll, describe, expect, it } from "vitest";

/** Vite's: the sources as text, and how to load each. */
declare global {
  interface ImportMeta {
    glob<T>(patterns: string[], options?: object): Record<string, T>;
  }
}
const sources = import.meta.glob<string>(["./**/*.ts", "!./**/*.test.ts", "!./**/*.d.ts", "!./testing/**"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const modules = import.meta.glob<() => Promise<unknown>>(["./**/*.ts", "!./**/*.test.ts", "!./**/*.d.ts"]);
const LENGTH = 64 * 1024;
/** The pattern of the person, translated: it runs in a worker that is ended, or is refused. */
const OF_A_PERSON = new Set(["./filter/patterns.ts", "./filter/marker.ts"]);

interface Found {
  file: string;
  source: string;
  flags: string;
}

const literals: Found[] = [];
const dynamic = new Set<string>();

function look(file: string, node: unknown): void {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const one of node) look(file, one);
    return;
  }
  const { type, regex, callee } = node as {
    type?: string;
    regex?: { pattern: string; flags: string };
    callee?: { name?: string };
  };
  if (type === "Literal" && regex) literals.push({ file, source: regex.pattern, flags: regex.flags });
  if ((type === "NewExpression" || type === "CallExpression") && callee?.name === "RegExp") dynamic.add(file);
  for (const value of Object.values(node)) look(file, value);
}

for (const [file, source] of Object.entries(sources)) look(file, parseSync(file, source).program);

/** What each module makes of parts when it is loaded. */
const made: Found[] = [];

beforeAll(async () => {
  const Native = globalThis.RegExp;
  for (const file of dynamic) {
    if (OF_A_PERSON.has(file)) continue;
    globalThis.RegExp = new Proxy(Native, {
      construct(target, args: [string, string?]) {
        made.push({ file, source: String(args[0]), flags: args[1] ?? "" });
        return new target(...args);
      },
    });
    try {
      await modules[file]!();
    } finally {
      globalThis.RegExp = Native;
    }
  }
});

/** The characters an expression is about, and some that it is not. */
function characters(source: string): string[] {
  const named = [...source.matchAll(/\\u\{?([0-9A-Fa-f]{4,6})|\\x([0-9A-Fa-f]{2})/g)].map(([, u, x]) =>
    String.fromCodePoint(Number.parseInt(u ?? x!, 16)),
  );
  return [...new Set([...source.replace(/\\./g, ""), ...named, ..."a1 \t\n\"\\'=-.<>[]{}é\u05d0😀"])];
}

function feed({ source, flags }: Found): void {
  const some = characters(source).slice(0, 24);
  const words = [...some, ...some.map((c, i) => c + some[(i * 7 + 1) % some.length]!)];
  for (const word of words) {
    const text = `${word.repeat(Math.ceil(LENGTH / word.length))}\u0000`;
    const pattern = new RegExp(source, flags);
    for (let n = 0; n < 3 && pattern.test(text) && pattern.global; n++);
    if (pattern.sticky) for (let at = 0; at < 4; at++) new RegExp(source, flags).test(text.slice(at));
  }
}

function verdict({ file, source, flags }: Found): string {
  const { status, ...more } = checkSync(source, flags, { timeout: 60_000, attackTimeout: null });
  const worst = "attack" in more && more.attack ? more.attack.pattern : "";
  return `${file} /${source}/${flags}: ${status} ${worst}`.trim();
}

describe("expressions of the page", () => {
  it("are found: literals, and those that modules make", () => {
    expect(literals.length).toBeGreaterThan(50);
    expect(made.map(({ file }) => file)).toContain("./events/visible.ts");
    expect([...OF_A_PERSON].filter((file) => !dynamic.has(file))).toEqual([]);
  });

  it("are linear, each of them", { timeout: 120_000 }, () => {
    const verdicts = [...literals, ...made].map(verdict);
    expect(verdicts.filter((said) => !said.endsWith(": safe"))).toEqual([]);
  });

  it("end, fed with 64 KiB of what they are about", { timeout: 120_000 }, () => {
    for (const one of [...literals, ...made]) feed(one);
  });

  it("would be told from one that is not", { timeout: 60_000 }, () => {
    expect(verdict({ file: "x", source: '("(?:[^"\\\\]|\\\\.)*")|NaN', flags: "g" })).toContain("vulnerable");
    expect(verdict({ file: "x", source: "(a+)+$", flags: "" })).toContain("vulnerable");
  });
});
