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

// Long names of our own that no message, no trait and no DOM has: they are written shorter, the same in all
// files, for the log and the widget that uses it are minified apart.
const OURS = `
  scroller shownBefore dropBefore dataOffsets idOffsets saysReason lastEventAt lastByteAt maxBytes
  arrangement maxRows overruled rowsBefore heardAt isCut scanText raiseFloor fetchEvent
  drawCursor columnMenu columnsChanged filterChanged isNumeric countOf writeColumns seqAt brush
  openFrom notDrawn writeFilter copyForScan headAt firsts toggleRate drawValues hasId
  endScan setWidth drawText isGone repeatable refuse pieces scanned elsewhere setFilter hasData cellMenu faults
`.trim();
const mangle = {
  reserved: ["sseLog"],
  properties: { regex: new RegExp(`^(?:${OURS.split(/\s+/).join("|")})$`), keep_quoted: true },
};
let props;

/** Once more by terser, which leaves a thirtieth less of what esbuild wrote. */
async function smaller(text, module = false) {
  const compress = {
    ecma: 2020,
    passes: 3,
    unsafe: true,
    unsafe_comps: true,
    unsafe_math: true,
    hoist_funs: true,
    unsafe_arrows: true,
    unsafe_methods: true,
    pure_getters: true,
    keep_fargs: false,
  };
  const nameCache = { vars: {}, props };
  const made = await minify(text, {
    ecma: 2020,
    module,
    compress,
    mangle,
    nameCache,
    format: { ecma: 2020 },
  });
  props = nameCache.props;
  // As `h` in dom.ts reads it.
  return made.code.replace(/"[a-z]+(?:\.sse-[a-z-]+)+"/g, (selector) => selector.replaceAll(".sse-", "."));
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
    globalName: "sseLog",
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
