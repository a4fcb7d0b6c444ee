// How the page is built: one entry, hashed names, everything compressed beforehand.
//
// - No inline script or style and no data: URL, so that the page runs under the
//   content security policy that `aman` sends (E2EE.md 1.14, W0).
// - The WebAssembly module comes from `cargo xtask wasm`; without it the build stops with
//   one sentence, unless AMAN_WASM_STUB=1 asks for a page that cannot join.
import { existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const WASM = resolve(import.meta.dirname, "src/vault/wasm");

const STUB = `
const refuse = () => { throw "no_wasm"; };
export default () => Promise.reject("no_wasm");
export const Participant = { attendee: refuse, moderator: refuse };
export class ModeratorDraft { constructor() { refuse(); } }
export const inviteMaterials = refuse;
export const linkRights = refuse;
export const openCard = refuse;
export const sealCard = refuse;
export const verifyReceipt = refuse;
export const wasmUrl = "";
`;

/** Resolves `aman-wasm` to the built module. */
function amanWasm(): Plugin {
  const id = "\0aman-wasm";
  return {
    name: "aman-wasm",
    resolveId: (source) => (source === "aman-wasm" ? id : undefined),
    load(loaded) {
      if (loaded !== id) return undefined;
      if (existsSync(join(WASM, "aman.js"))) {
        const glue = JSON.stringify(join(WASM, "aman.js"));
        const bytes = JSON.stringify(`${join(WASM, "aman_bg.wasm")}?url`);
        return `export { default, Participant, ModeratorDraft, inviteMaterials, linkRights, openCard, sealCard, verifyReceipt } from ${glue};
                export { default as wasmUrl } from ${bytes};`;
      }
      if (process.env["AMAN_WASM_STUB"] === "1") return STUB;
      throw new Error(
        "The WebAssembly module is not built: run `cargo xtask wasm` first (AMAN_WASM_STUB=1 builds a page that cannot join).",
      );
    },
  };
}

/** Texts are named after their language and area (`scripts/size.mjs` counts them), the rest after their file. */
function chunkName(moduleId: string | null | undefined): string {
  const texts = /i18n\/(en|ar|zh)\/(\w+)\.ts$/.exec(moduleId ?? "");
  return texts === null ? "[name]" : `words-${texts[1] ?? ""}-${texts[2] ?? ""}`;
}

/** Writes `name.br` beside every text and WebAssembly file, for the server to send as it is. */
function brotli(): Plugin {
  let folder = "";
  return {
    name: "aman-brotli",
    apply: "build",
    configResolved: (config) => void (folder = resolve(config.root, config.build.outDir)),
    async closeBundle() {
      if (!existsSync(folder)) return;
      for (const name of await readdir(folder, { recursive: true })) {
        if (!/\.(js|css|html|svg|wasm|json|webmanifest)$/.test(name)) continue;
        const bytes = await readFile(join(folder, name));
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        };
        await writeFile(join(folder, `${name}.br`), brotliCompressSync(bytes, { params }));
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), amanWasm(), brotli()],
  worker: { format: "es", plugins: () => [amanWasm()] },
  build: {
    target: "es2022",
    outDir: mode === "gallery" ? "node_modules/.gallery" : "dist",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: mode === "gallery" ? "gallery.html" : "index.html",
      output: { chunkFileNames: ({ facadeModuleId }) => `assets/${chunkName(facadeModuleId)}-[hash].js` },
    },
  },
  server: {
    // `npm run dev` beside a running `aman`.
    proxy: {
      "/api": { target: "http://localhost:8080", changeOrigin: false },
      "/ws": { target: "ws://localhost:8080", ws: true, changeOrigin: false },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
