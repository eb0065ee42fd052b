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
// Nested rules stay nested: written out flat, the prefix of each rule would cost 4 KB.
const target = ["es2022", "chrome123", "firefox121", "safari17.5"];
const common = { bundle: true, minify: true, target, charset: "utf8", legalComments: "none", write: false };

// Long names of ours that stand everywhere, made short. None is a name of the page, of anywidget, of the
// wire or of a message to the worker (which is built apart): such a name would be cut there too.
const mangleProps = new RegExp(`^(?:${[
  "scroller refuse shownBefore dropBefore following repeats repeatable lastEventAt lastByteAt heardAt headAt setFilter",
  "saysFailure overruled generation maxRows maxBytes pointed isCut arrangement raiseFloor rowsBefore columnsChanged",
  "fetchEvent drawCursor columnMenu filterChanged isNumeric peek writeColumns hexadecimal scanText copyForScan seqAt",
  "writeFilter acknowledge openFrom firsts drawValues toggleRate endScan setWidth drawText notDrawn popover palette elsewhere",
  "pieces steps ahead moved rates scanned answered evict reveal isGone hasId receive askText",
].join(" ").replaceAll(" ", "|")})$`);

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

/** What esbuild leaves: a hundredth part. */
async function smaller(script) {
  const { code } = await minify(script, { module: true, ecma: 2020, compress: { passes: 3, unsafe_arrows: true, keep_fargs: false } });
  return Buffer.from(code);
}

const place = {
  name: "place-atomically",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length > 0) return;
      await mkdir(out, { recursive: true });
      for (const file of result.outputFiles) {
        const isStyle = file.path.endsWith(".css");
        const target = join(out, isStyle ? "widget.css" : basename(file.path));
        const fresh = `${target}.${process.pid}.new`;
        const contents = isStyle ? file.contents : await smaller(file.text);
        await writeFile(fresh, contents);
        await rename(fresh, target);
        console.log(`${target.split("/").slice(-3).join("/")}  ${(contents.length / 1024).toFixed(1)} KB`);
      }
    });
  },
};

const context = await esbuild.context({
  ...common,
  entryPoints: { widget: join(here, "src", "widget.ts"), capture: join(here, "src", "capture.ts"), style: join(here, "src", "style", "widget.css") },
  outdir: out,
  format: "esm",
  mangleProps,
  plugins: [worker, place],
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
