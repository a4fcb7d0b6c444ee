// Screenshots of a view in every language, and what axe finds in it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { byId, speak } from "./people.js";
import { artefact } from "./places.js";

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

async function assertAccessible(page, what) {
  assert.deepEqual(await faultsByAxe(page), [], `${what} is not accessible`);
}

/** What axe finds against WCAG 2.2 A and AA and its own best practices, or against some `rules`. */
export async function faultsByAxe(page, rules = null) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  return page.evaluate(async (only) => {
    const { violations } = await globalThis.axe.run(document, {
      resultTypes: ["violations"],
      // Nothing is fetched for it: our pages have no sound of their own that could begin by itself.
      preload: false,
      ...(only === null ? {} : { runOnly: { type: "rule", values: only } }),
    });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  }, rules);
}

/** What makes the page scroll sideways. */
export function wideParts(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.scrollingElement;
    if (scrollWidth <= clientWidth) return [];
    const isOut = ({ left, right, width }) => width > 0 && (right > clientWidth + 1 || left < -1);
    const out = [...document.querySelectorAll("body *")].filter((element) => isOut(element.getBoundingClientRect()));
    const name = (element) => element.dataset.testid ?? `${element.localName}.${element.className}`;
    return [`${scrollWidth} px wide on ${clientWidth}: ${[...new Set(out.map(name))].slice(0, 6).join(", ")}`];
  });
}

/** What is to be pressed and smaller than a finger (44 px); words in a sentence are not meant. */
export function smallTargets(page) {
  return page.evaluate(() => {
    const LEAST = 44;
    const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const targets = [...document.querySelectorAll("button, select, summary, input:not([type=hidden]), textarea, a[href], [role=button]")];
    return targets.filter((element) => shown(element) && element.closest("p") === null).flatMap((element) => {
      // A box to tick is pressed by its words as well.
      const area = ["checkbox", "radio"].includes(element.type) ? (element.closest("label") ?? element.labels?.[0] ?? element) : element;
      const { width, height } = area.getBoundingClientRect();
      const isOffered = width > 1 && height > 1;
      const isSmall = width < LEAST - 0.5 || height < LEAST - 0.5;
      const name = element.dataset.testid ?? element.textContent.trim().slice(0, 30) ?? element.localName;
      return isOffered && isSmall ? [`${name} is ${Math.round(width)} x ${Math.round(height)} px`] : [];
    });
  });
}
