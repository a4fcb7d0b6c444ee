// Screenshots of a view in every language, and what axe finds in it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { byId } from "./people.js";
import { artefact } from "./places.js";
import { until } from "./until.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LANGUAGES = ["ar", "zh", "en"];

/** Looks at the view: a picture in each language, and no fault that axe can find. */
export async function look(page, name, languages = LANGUAGES) {
  const hasSelect = (await page.$(byId("lang-select"))) !== null;
  for (const language of hasSelect ? languages : ["en"]) {
    if (hasSelect) await speak(page, language);
    await page.screenshot({ path: artefact(`${name}-${language}.png`) });
    if (language !== "zh") await assertAccessible(page, `${name} in ${language}`);
  }
}

async function speak(page, language) {
  await page.select(byId("lang-select"), language);
  await until(`the page speaks ${language}`, () =>
    page.evaluate((wanted) => document.documentElement.lang.startsWith(wanted), language),
  );
}

async function assertAccessible(page, what) {
  await page.evaluate(AXE);
  const faults = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  });
  assert.deepEqual(faults, [], `${what} is not accessible`);
}
