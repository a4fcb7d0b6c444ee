// Fails when the page has grown too heavy for an old phone on a bad line.
//
// Everything a browser fetches to show the join page, without WebAssembly: at most 80 kB
// compressed.  The WebAssembly module, fetched after the first paint: at most 400 kB.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const DIST = process.argv[2] ?? new URL("../dist/", import.meta.url).pathname;
const PAGE_MAX = 80_000;
const WASM_MAX = 400_000;

/** Compressed size of one file. */
async function weight(name) {
  return brotliCompressSync(await readFile(join(DIST, name))).length;
}

/** Chunks that are fetched when they are needed, and on the join page are not: the desk, the way behind the name, the call, their texts. */
const LATER = /^(?:Desk|Way|CallView|words-\w+-(?!common|join))/;

const TABLE = /const __vite__mapDeps=.*?\[(".*?")?\]\)\)\)=>[^;]*;/;
const LAZY = /import\(["'`]\.\/([\w.-]+)["'`]\)(?:,__vite__mapDeps\(\[([\d,]*)\]\))?/g;
const NAMED = /["'`(](?:\.?\/)?((?:assets\/)?[\w.-]+\.(?:js|css|svg))["'`)]/g;

/** What a script fetches: what it names, and of what it may fetch later only what the join page needs. */
function namesIn(text) {
  const table = [...(TABLE.exec(text)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  const lazy = [...text.matchAll(LAZY)].filter(([, name]) => !LATER.test(name));
  const beside = lazy.flatMap(([, , list]) => (list ?? "").split(",").map((index) => table[Number(index)]));
  const rest = text.replace(TABLE, "").replaceAll(LAZY, "");
  return [...lazy.map(([, name]) => name), ...beside, ...[...rest.matchAll(NAMED)].map(([, name]) => name)].filter(Boolean);
}

/** Files that the join page fetches. */
async function joinPage() {
  const all = await readdir(DIST, { recursive: true });
  const seen = new Set(["index.html"]);
  const queue = ["index.html"];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (!/\.(html|js|css)$/.test(name)) continue;
    for (const file of namesIn(await readFile(join(DIST, name), "utf8"))) {
      const path = file.startsWith("assets/") || file === "icon.svg" ? file : `assets/${file}`;
      if (!all.includes(path) || seen.has(path)) continue;
      seen.add(path);
      queue.push(path);
    }
  }
  return [...seen];
}

const page = await joinPage();
const languages = new Map();
let sum = 0;
for (const name of page) {
  const bytes = await weight(name);
  const lang = /^assets\/words-(\w+)-/.exec(name)?.[1];
  if (lang === undefined) sum += bytes;
  else languages.set(lang, (languages.get(lang) ?? 0) + bytes);
}
// One language is loaded at a time: count the heaviest.
sum += Math.max(0, ...languages.values());
const wasm = (await readdir(join(DIST, "assets"))).filter((name) => name.endsWith(".wasm"));
const wasmBytes = wasm.length === 0 ? 0 : await weight(`assets/${wasm[0]}`);

console.log(`figure: join_page_brotli = ${(sum / 1000).toFixed(1)} kB (goal <= ${PAGE_MAX / 1000})`);
console.log(`figure: wasm_brotli = ${(wasmBytes / 1000).toFixed(1)} kB (goal <= ${WASM_MAX / 1000})`);
if (languages.size < 3) {
  console.error("The languages were not found among the files: scripts/size.mjs no longer follows the build.");
  process.exit(1);
}
if (sum > PAGE_MAX || wasmBytes > WASM_MAX) process.exit(1);
