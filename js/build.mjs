// Builds sse_widget/static/widget.js, capture.js, loader.js and widget.css from src/. It writes each file whole under
// another name and renames it into place, so that a kernel starting meanwhile never reads half a
// bundle. It never fetches anything: everything comes from node_modules.
import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "lightningcss";
import { rolldown } from "rolldown";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "sse_widget", "static");
const source = (name) => join(here, "src", name);
// Nested rules stay nested: written out flat, the prefix of each rule would cost 4 KB.
const browsers = { chrome: 123, firefox: 121, safari: 17.5 };
const target = ["es2022", ...Object.entries(browsers).map(([name, version]) => name + version)];

// What stands between the log and the widget of one stream in widget.js. The kernel cuts there and hands
// the log alone to the overview of many streams, so that no second copy of it is installed.
const SEAM = "\n/* the log ends here */\n";

// See src/short.ts.
const inject = Object.fromEntries(["max", "min"].map((name) => [`Math.${name}`, [source("short.ts"), name]]));

async function script(input, plugins, output) {
  const built = await rolldown({ input: source(input), transform: { target, inject }, plugins });
  const { code } = (
    await built.generate({ ...output, minify: true, comments: false, generatedCode: { symbols: false } })
  ).output[0];
  await built.close();
  return code;
}

// The pattern worker is started from a Blob, so its source travels inside the bundle as a string.
const worker = {
  name: "worker-as-text",
  load: {
    filter: { id: /\?text$/ },
    handler: async () => ({
      code: await script("filter/matcher.worker.ts", [], { format: "iife" }),
      moduleType: "text",
    }),
  },
};

/**
 * The log by itself: a script that sets `sseLog`, an object with all that `src/log.ts` exports. Each widget
 * brings a copy, and a page with twenty would compile it twenty times: the first one leaves what it made
 * where the others look, under the hash of its text.
 */
async function log() {
  const code = await script("log.ts", [worker], { format: "iife", name: "sseLog", banner: '"use strict";' });
  const hash = createHash("sha256").update(code).digest("base64url").slice(0, 16);
  const made = "var sseLog=";
  if (!code.includes(made)) throw new Error(`the log does not begin with ${made}`);
  return code.replace(made, `${made}globalThis[Symbol.for("sse-widget ${hash}")]??=`);
}

// The widget takes the log from the script that stands before it in the same file.
const logBefore = {
  name: "log-before",
  resolveId: { filter: { id: /\/log\.ts$/ }, handler: () => "log-before" },
  load: {
    filter: { id: /^log-before$/ },
    handler: () => "export const { View, openSession } = sseLog;",
  },
};

function style() {
  const targets = Object.fromEntries(
    Object.entries(browsers).map(([name, version]) => {
      const [major, minor = 0] = String(version).split(".").map(Number);
      return [name, (major << 16) | (minor << 8)];
    }),
  );
  return bundle({ filename: source("style/widget.css"), minify: true, targets }).code.toString();
}

async function place(name, text) {
  const fresh = join(out, `${name}.${process.pid}.new`);
  await writeFile(fresh, text);
  await rename(fresh, join(out, name));
  console.log(`sse_widget/static/${name}  ${(Buffer.byteLength(text) / 1024).toFixed(1)} KB`);
}

async function build() {
  await mkdir(out, { recursive: true });
  const widget = await script("widget.ts", [logBefore], { format: "esm" });
  await place("widget.js", `${await log()}${SEAM}${widget}`);
  for (const name of ["capture", "loader"])
    await place(`${name}.js`, await script(`${name}.ts`, [], { format: "esm" }));
  await place("widget.css", style());
}

await build();
if (process.argv.includes("--watch")) {
  let soon;
  watch(source(""), { recursive: true }, () => {
    clearTimeout(soon);
    soon = setTimeout(() => build().catch((error) => console.error(String(error))), 50);
  });
}
