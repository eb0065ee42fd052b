// Builds sse_widget/static/widget.js, capture.js and widget.css from src/. It writes each file whole under
// another name and renames it into place, so that a kernel starting meanwhile never reads half a
// bundle. It never fetches anything: everything comes from node_modules.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "sse_widget", "static");
const source = (name) => join(here, "src", name);
// Nested rules stay nested: written out flat, the prefix of each rule would cost 4 KB.
const target = ["es2022", "chrome123", "firefox121", "safari17.5"];
const common = {
  bundle: true,
  minify: true,
  target,
  charset: "utf8",
  legalComments: "none",
  write: false,
};

/**
 * Once more by terser, whose local names compress better: a function may use the short name of something
 * that it does not need. It changes no property and assumes nothing about the code.
 */
async function smaller(text, module = false) {
  return (await minify(text, { ecma: 2020, module })).code;
}

// What stands between the log and the widget of one stream in widget.js. The kernel cuts there and hands
// the log alone to the overview of many streams, so that no second copy of it is installed.
const SEAM = "\n/* the log ends here */\n";

// The pattern worker is started from a Blob, so its source travels inside the bundle as a string.
const worker = {
  name: "worker-as-text",
  setup(build) {
    build.onLoad({ filter: /matcher\.worker\.ts$/ }, async ({ path }) => {
      const made = await esbuild.build({ ...common, entryPoints: [path], format: "iife" });
      return { contents: made.outputFiles[0].text, loader: "text", watchFiles: [path] };
    });
  },
};

/** The log by itself: a script that sets `sseLog`, with all that `src/log.ts` exports. */
async function log() {
  const made = await esbuild.build({
    ...common,
    entryPoints: [source("log.ts")],
    format: "iife",
    banner: { js: '"use strict";var sseLog={};' },
    plugins: [worker],
  });
  return await smaller(made.outputFiles[0].text);
}

// The widget takes the log from the script that stands before it in the same file.
const logBefore = {
  name: "log-before",
  setup(build) {
    build.onResolve({ filter: /\/log\.ts$/ }, (asked) =>
      asked.importer.endsWith("widget.ts") ? { path: "log", namespace: "before" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "before" }, () => ({
      contents: "export const { View, openSession } = sseLog;",
      watchDirs: [source("")],
    }));
  },
};

const place = {
  name: "place-atomically",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length > 0) return;
      await mkdir(out, { recursive: true });
      for (const file of result.outputFiles) {
        const name = file.path.endsWith(".css") ? "widget.css" : basename(file.path);
        const fresh = join(out, `${name}.${process.pid}.new`);
        const own = name.endsWith(".js") ? await smaller(file.text, true) : file.text;
        const text = name === "widget.js" ? `${await log()}${SEAM}${own}` : own;
        await writeFile(fresh, text);
        await rename(fresh, join(out, name));
        console.log(`sse_widget/static/${name}  ${(Buffer.byteLength(text) / 1024).toFixed(1)} KB`);
      }
    });
  },
};

const context = await esbuild.context({
  ...common,
  entryPoints: {
    widget: source("widget.ts"),
    capture: source("capture.ts"),
    style: source("style/widget.css"),
  },
  outdir: out,
  format: "esm",
  plugins: [worker, logBefore, place],
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
