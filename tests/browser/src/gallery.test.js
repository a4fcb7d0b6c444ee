// Every view in every state, as the gallery draws it without a call: no fault that axe can find,
// nothing wider than a phone, nothing too small to touch.  Languages, themes and widths are
// gone through in the loaded page; only the language needs a new one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { chromium } from "./browsers.js";
import { ANA } from "./fake_media.js";
import { openPage } from "./people.js";
import { WEB_CLIENT, artefact } from "./places.js";
import { faultsByAxe, wideParts, smallTargets } from "./pictures.js";
import { Server } from "./server.js";

const LANGUAGES = ["en", "ar", "zh"];
const PHONE = { width: 320, height: 640 };
const DESK = { width: 1280, height: 800 };

/** Pages that are looked at side by side: one for each core. */
const ABREAST = 2;

test("every scene of the gallery can be used by everybody", { timeout: 600_000 }, async (t) => {
  const folder = process.env.AMAN_GALLERY ?? build();
  const server = await Server.start(t, { webDir: folder });
  const browser = await chromium(t, ANA);
  const tasks = scenes().flatMap((scene) => LANGUAGES.map((language) => ({ scene, language })));
  const faults = [];
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      const { page } = await openPage(browser, server.origin);
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        faults.push(...(await inspect(page, server.origin, task)));
      }
    }),
  );
  assert.deepEqual(faults.sort(), []);
});

/** The names of the scenes, from the source: a new scene is looked at without being named here. */
function scenes() {
  const source = readFileSync(join(WEB_CLIENT, "gallery/Gallery.svelte"), "utf8");
  const names = [
    ...[...source.matchAll(/scene === "([\w-]+)"/g)].map(([, name]) => name),
    ...[...source.matchAll(/^ {4}"?(ended-[\w-]+)"?:/gm)].map(([, name]) => name),
  ];
  assert.ok(names.length > 25, `only ${names.length} scenes found`);
  return [...new Set(names)];
}

/** Builds the gallery; returns its folder. */
function build() {
  const vite = join(WEB_CLIENT, "node_modules/vite/bin/vite.js");
  execFileSync(process.execPath, [vite, "build", "--mode", "gallery", "--logLevel=error"], { cwd: WEB_CLIENT });
  return join(WEB_CLIENT, "node_modules/.gallery");
}

async function inspect(page, origin, { scene, language }) {
  const faults = [];
  const tell = (where, found) => faults.push(...found.map((fault) => `${scene} ${language} ${where}: ${fault}`));
  await page.setViewport(PHONE);
  await theme(page, "light");
  await page.goto(`${origin}/gallery.html?scene=${scene}&lang=${language}`);
  await page.waitForSelector("html[data-ready]");
  assert.ok((await page.$eval("#page", (root) => root.childElementCount)) > 0, `${scene} draws nothing`);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  if (language !== "zh") await page.screenshot({ path: artefact(`gallery-${scene}-${language}.png`) });
  tell("phone light", await faultsByAxe(page));
  tell("phone", await wideParts(page));
  tell("phone", await smallTargets(page));
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  tell("phone, large text", await wideParts(page));
  await page.evaluate(() => document.documentElement.style.removeProperty("font-size"));
  await theme(page, "dark");
  tell("phone dark", await faultsByAxe(page, ["color-contrast"]));
  await page.setViewport(DESK);
  tell("desk dark", await faultsByAxe(page));
  tell("desk", await wideParts(page));
  return faults;
}

function theme(page, name) {
  return page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: name }, { name: "prefers-reduced-motion", value: "reduce" }]);
}
