// Somebody with a keyboard and nothing else: Tab until the thing is in focus, then Enter, Space
// or letters, as the thing takes them.
import { PATIENCE, until } from "./until.js";

/** More than the parts of any of our pages. */
const STEPS_MAX = 60;

/** Tabs to the part with the id, and sees that its focus is drawn. */
export async function tabTo(page, id) {
  await page.waitForSelector(`[data-testid=${id}]:not([disabled])`, { timeout: PATIENCE });
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const here = await focus(page);
    if (here.id === id) {
      if (!here.drawn) throw new Error(`${id} has the focus, and nothing shows it`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`${id} cannot be reached with Tab; it ends at ${(await focus(page)).id}`);
}

/** Presses a button, by Enter or by the key that is named. */
export async function pressByKey(page, id, key = "Enter") {
  await tabTo(page, id);
  await page.keyboard.press(key);
}

/** Types into a field, in place of what is there. */
export async function typeInto(page, id, text) {
  await tabTo(page, id);
  await page.keyboard.type(text);
  await until(`${id} holds what was typed`, () => page.$eval(`[data-testid=${id}]`, (field, wanted) => field.value === wanted, text));
}

/** What has the focus, and whether one can see that. */
function focus(page) {
  return page.evaluate(() => {
    const here = document.activeElement;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(here);
    const drawn = (outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 1) || boxShadow !== "none";
    return { id: here.dataset.testid ?? here.id ?? here.localName, drawn };
  });
}
