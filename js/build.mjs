// Builds sse_widget/static/widget.js, capture.js, log.js and widget.css from src/. It writes each file whole under
// another name and renames it into place, so that a kernel starting meanwhile never reads half a
// bundle. It never fetches anything: everything comes from node_modules.
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "sse_widget", "static");
// Nested rules stay nested: written out flat, the prefix of each rule would cost 4 KB.
const target = ["es2022", "chrome123", "firefox121", "safari17.5"];
const common = { bundle: true, minify: true, target, charset: "utf8", legalComments: "none", write: false };

// Long names of ours that stand everywhere, made short; `checked` refuses those that others read too.
const SHORTENED = [
  "node scroller refuse shownBefore dropBefore following repeats repeatable lastEventAt lastByteAt heardAt headAt setFilter",
  "saysFailure overruled generation maxRows maxBytes pointed isCut arrangement raiseFloor rowsBefore columnsChanged",
  "fetchEvent drawCursor columnMenu filterChanged isNumeric peek writeColumns hexadecimal scanText copyForScan seqAt",
  "writeFilter acknowledge openFrom firsts drawValues toggleRate endScan setWidth drawText notDrawn palette",
  "pieces steps ahead moved rates scanned answered evict reveal isGone hasId receive askText dataOffsets idOffsets chars",
]
  .join(" ")
  .split(" ");

/** How they are shortened, or an error that tells which must stay: those of the page, the wire, anywidget, the worker. */
async function checked(names) {
  const modules = join(here, "node_modules");
  const [compiler] = (await readdir(join(modules, "@typescript"))).filter((name) =>
    name.startsWith("typescript-"),
  );
  const libraries = join(modules, "@typescript", compiler, "lib");
  const python = join(here, "..", "sse_widget");
  const words = async (files) =>
    new Set(
      (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n").match(/[A-Za-z_$][\w$]*/g),
    );
  const quoted = async (files) =>
    new Set(
      (await Promise.all(files.map((file) => readFile(file, "utf8"))))
        .join("\n")
        .match(/(?<=["'])[A-Za-z_]\w*(?=["'])/g),
    );
  const within = async (folder, kind) =>
    (await readdir(folder, { recursive: true }))
      .filter((name) => kind.test(name))
      .map((name) => join(folder, name));
  const worker = await esbuild.build({
    ...common,
    entryPoints: [join(here, "src", "filter", "matcher.worker.ts")],
  });
  const taken = {
    "JavaScript and the page": await members(await within(libraries, /^lib\..*\.d\.ts$/)),
    anywidget: await words(await within(join(modules, "@anywidget", "types"), /\.d\.ts$/)),
    "Python, quoted, so of the wire": await quoted(await within(python, /\.py$/)),
    "our own scripts, quoted": await quoted(await within(join(here, "src"), /(?<!test)\.ts$/)),
    "the worker, which is built apart": new Set(
      worker.outputFiles[0].text.match(/(?<=\.)[A-Za-z_]\w*|[A-Za-z_]\w*(?=:)/g),
    ),
  };
  const wrong = names.flatMap((name) =>
    Object.keys(taken)
      .filter((where) => taken[where].has(name))
      .map((where) => `${name} (a name of ${where})`),
  );
  if (wrong.length > 0)
    throw new Error(`These names must not be shortened, see SHORTENED: ${wrong.join(", ")}`);
  // The same in every bundle, for a log and its overview meet on the page.
  return {
    mangleProps: new RegExp(`^(?:${names.join("|")})$`),
    mangleCache: Object.fromEntries(names.map((name, i) => [name, `$${i.toString(36)}`])),
  };
}

/** What is declared in TypeScript's own descriptions, the members and the variables. */
async function members(files) {
  const text = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
  return new Set(
    text.match(
      /(?<=^\s*(?:declare )?(?:readonly |get |set |var |let |const |function )?)[A-Za-z_]\w*(?=\??[(:<])/gm,
    ),
  );
}

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
  const { code } = await minify(script, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, keep_fargs: false },
  });
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
  entryPoints: {
    widget: join(here, "src", "widget.ts"),
    capture: join(here, "src", "capture.ts"),
    log: join(here, "src", "log.ts"),
    style: join(here, "src", "style", "widget.css"),
  },
  outdir: out,
  format: "esm",
  ...(await checked(SHORTENED)),
  plugins: [worker, place],
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
