// Every view in every state, as the gallery draws it without a call, in every language, theme
// and width: no fault that axe can find, nothing wider than the screen, nothing too small to
// touch, nothing lost when it is enlarged or when the person chooses the colours.
//
// One page draws all: scene, language, theme and width change without a new one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { chromium } from "./company.js";
import { ANA } from "./fake_media.js";
import { covered, cutOff, focusUnseen, pressedUnseen, unseenControls } from "./fit.js";
import { openPage } from "./people.js";
import { WEB_CLIENT, artefact } from "./places.js";
import { faultsByAxe, wideParts, smallTargets } from "./pictures.js";
import { Server } from "./server.js";

const LANGUAGES = ["en", "ar", "zh"];
const WIDTHS = { phone: { width: 320, height: 640 }, tablet: { width: 768, height: 1024 }, desk: { width: 1280, height: 800 } };

/** A desk's window at 400 %: what is left of 1280 by 1024 (WCAG 2.2, 1.4.10). */
const ENLARGED = { width: 320, height: 256 };

const THEMES = {
  light: [{ name: "prefers-color-scheme", value: "light" }, { name: "forced-colors", value: "none" }],
  dark: [{ name: "prefers-color-scheme", value: "dark" }, { name: "forced-colors", value: "none" }],
  forced: [{ name: "prefers-color-scheme", value: "dark" }, { name: "forced-colors", value: "active" }],
};

const CALM = [{ name: "prefers-reduced-motion", value: "reduce" }];

/** The rules of axe that look at colours; the others see the same in every theme. */
const ABOUT_COLOURS = ["color-contrast", "link-in-text-block"];

/** Pages that are looked at side by side: one for each core. */
const ABREAST = 2;

test("every scene of the gallery can be used by everybody", { timeout: 900_000 }, async (t) => {
  const folder = process.env.AMAN_GALLERY ?? build();
  const server = await Server.start(t, { webDir: folder });
  const browser = await chromium(t, ANA);
  const tasks = LANGUAGES.flatMap((language) => scenes().map((scene) => ({ scene, language })));
  const faults = [];
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      const { page } = await openPage(browser, server.origin);
      await page.goto(`${server.origin}/gallery.html`);
      await page.waitForSelector("html[data-ready]");
      const themes = await page.createCDPSession();
      const theme = (name) => themes.send("Emulation.setEmulatedMedia", { features: [...THEMES[name], ...CALM] });
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        const { scene, language } = task;
        faults.push(...(await inspect(page, theme, task).catch((error) => [`${scene} ${language}: ${error.message}`])));
      }
    }),
  );
  // All of them: what is printed is cut off.
  writeFileSync(artefact("gallery-faults.txt"), faults.sort().join("\n"));
  assert.deepEqual(faults, []);
});

/** The names of the scenes, from the source: a new scene is looked at without being named here. */
function scenes() {
  const source = readFileSync(join(WEB_CLIENT, "gallery/Gallery.svelte"), "utf8");
  const names = [
    ...[...source.matchAll(/scene === "([\w-]+)"/g)].map(([, name]) => name),
    ...[...source.matchAll(/^ {4}"?(ended-[\w-]+)"?:/gm)].map(([, name]) => name),
  ];
  assert.ok(names.length > 25, `only ${names.length} scenes found`);
  const wanted = (process.env.AMAN_SCENES ?? "") === "" ? null : process.env.AMAN_SCENES.split(",");
  return [...new Set(names)].filter((name) => wanted?.includes(name) ?? true);
}

/** Builds the gallery; returns its folder. */
function build() {
  const vite = join(WEB_CLIENT, "node_modules/vite/bin/vite.js");
  execFileSync(process.execPath, [vite, "build", "--mode", "gallery", "--logLevel=error"], { cwd: WEB_CLIENT });
  return join(WEB_CLIENT, "node_modules/.gallery");
}

async function inspect(page, theme, { scene, language }) {
  const faults = [];
  const tell = (where, found) => faults.push(...found.map((fault) => `${scene} ${language} ${where}: ${fault}`));
  await page.setViewport(WIDTHS.phone);
  await theme("light");
  await page.evaluate((name, lang) => globalThis.drawScene(name, lang), scene, language);
  assert.ok((await page.$eval("#page", (root) => root.childElementCount)) > 0, `${scene} draws nothing`);
  if (language !== "zh") await page.screenshot({ path: artefact(`gallery-${scene}-${language}.png`) });
  tell("phone", await smallTargets(page));
  for (const [width, size] of Object.entries(WIDTHS)) {
    await page.setViewport(size);
    tell(width, await wideParts(page));
    tell(`${width} light`, await faultsByAxe(page));
    await theme("dark");
    tell(`${width} dark`, await faultsByAxe(page, ABOUT_COLOURS));
    await theme("forced");
    tell(`${width} forced`, await faultsByAxe(page, ABOUT_COLOURS));
    if (width === "phone") for (const check of [unseenControls, pressedUnseen, focusUnseen]) tell("forced", await check(page));
    await theme("light");
    await enlarge(page, "200%");
    tell(`${width}, large text`, await wideParts(page));
    await enlarge(page, null);
  }
  await page.setViewport(ENLARGED);
  for (const check of [wideParts, cutOff, covered]) tell("at 400 %", await check(page));
  return faults;
}

function enlarge(page, size) {
  return page.evaluate((wanted) => document.documentElement.style.setProperty("font-size", wanted), size);
}
