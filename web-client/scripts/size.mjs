// Fails when the page has grown too heavy for an old phone on a bad line.
//
// Everything a browser fetches to show the join page, without WebAssembly: at most 80 kB
// compressed.  The WebAssembly module, fetched after the first paint: at most 400 kB.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const PAGE_MAX = 80_000;
const WASM_MAX = 400_000;

/** Compressed size of one file. */
async function weight(name) {
  return brotliCompressSync(await readFile(join(DIST, name))).length;
}

/** What a person on the join page does not fetch yet: the desk, the call and their texts. */
const LATER = /^assets\/(?:Desk|CallView|words-\w+-(?!common|join))/;

/** Files that the join page fetches: what its files name, except what comes later. */
async function joinPage() {
  const all = await readdir(DIST, { recursive: true });
  const seen = new Set(["index.html"]);
  const queue = ["index.html"];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (!/\.(html|js|css)$/.test(name)) continue;
    const text = await readFile(join(DIST, name), "utf8");
    for (const [, file] of text.matchAll(/["'`(](?:\.?\/)?((?:assets\/)?[\w.-]+\.(?:js|css|svg))["'`)]/g)) {
      const path = file.startsWith("assets/") || file === "icon.svg" ? file : `assets/${file}`;
      if (!all.includes(path) || seen.has(path) || LATER.test(path)) continue;
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
