// Builds dist/canvas.js and dist/canvas.css from src/; the first line of the bundle names its sources.
import { build } from "esbuild";
import { minify } from "terser";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

export function sources() {
  const inside = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes(".test."))
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).split(sep).join("/"));
  return [...inside, "build.mjs", "package.json", "package-lock.json"].sort();
}

export function fingerprint() {
  const hash = createHash("sha256");
  for (const name of sources()) {
    hash.update(`${name}\0`);
    hash.update(readFileSync(join(here, name)));
    hash.update("\0");
  }
  return hash.digest("hex");
}

// What nothing uses of React Flow is left out: esbuild cannot know that memo() is pure, nor which
// rules of the style sheet are for components that are not there.
const ABSENT = "minimap|controls|attribution|resize|background|node-(?:default|input|output|group)|toolbar";
const unused = {
  name: "unused",
  setup(builder) {
    builder.onLoad({ filter: /@xyflow[\\/]react[\\/]dist[\\/]esm[\\/]index\.m?js$/ }, (file) => ({
      contents: readFileSync(file.path, "utf8").replace(/= (memo|forwardRef|fixedForwardRef|createContext)\(/g, "= /* @__PURE__ */ $1("),
      loader: "js",
    }));
    // Of dagre's algorithms on graphs the layout uses two; the list of all would keep each of them.
    builder.onLoad({ filter: /dagre\.esm\.js$/ }, (file) => ({
      contents: readFileSync(file.path, "utf8").replace(/\b(\w+\(\w+,\{)((?:\w+:\(\)=>[\w$]+,?)+)\}\)/g, (_, call, names) => {
        const used = names.split(",").filter((name) => /^(pre|post)order:/.test(name));
        return `${used.length ? "" : "/* @__PURE__ */"}${call}${used.join(",")}})`;
      }),
      loader: "js",
    }));
    builder.onLoad({ filter: /@xyflow[\\/]react[\\/]dist[\\/]base\.css$/ }, (file) => ({
      contents: readFileSync(file.path, "utf8")
        .replace(/\/\*[\s\S]*?\*\//g, "")
        .replace(new RegExp(`[^{};]*-(?:${ABSENT})[^{}]*\\{[^{}]*\\}`, "g"), "")
        .replace(new RegExp(`--xy-(?:${ABSENT})[\\w-]*:[^;]*;`, "g"), ""),
      loader: "css",
    }));
  },
};

// esbuild bundles; terser makes the code smaller than esbuild's own pass does.
export async function bundle(outdir) {
  const made = await build({
    entryPoints: [join(here, "src", "canvas.ts"), join(here, "src", "canvas-edit.css")],
    outdir,
    bundle: true,
    write: false,
    plugins: [unused],
    minifyWhitespace: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    legalComments: "none",
    // Animated views are not used: what only they need stays out.
    alias: {
      "d3-transition": join(here, "src", "slim", "transition.js"),
      "d3-interpolate": join(here, "src", "slim", "interpolate.js"),
    },
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
  });
  mkdirSync(outdir, { recursive: true });
  for (const file of made.outputFiles) {
    const text = file.path.endsWith(".js") ? await smaller(file.text) : file.text;
    writeFileSync(file.path, text);
  }
}

async function smaller(code) {
  const found = await minify(code, {
    module: true,
    ecma: 2022,
    compress: { ecma: 2022, passes: 2, unsafe_arrows: true, unsafe_methods: true },
    format: { ecma: 2022, max_line_len: 30_000 },
  });
  return `/* Built by "make canvas" from static/canvas/src; sources ${fingerprint()} */\n${found.code}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(process.argv[2] ?? join(here, "dist"));
}
