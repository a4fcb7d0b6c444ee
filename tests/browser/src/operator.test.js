// What the operator sets reaches the pages of those who come: from the settings file, and from
// the environment, which wins.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

const CONFIG = `
[operator]
agency = "Haus am Fluss"
exit_url = "https://weather.example/today"
sensitive = true

[operator.crisis]
en = [{ name = "Night line", contact = "+41 44 000 00 00", hours = "every night" }]
ar = [{ name = "خط المساعدة", contact = "+41 44 000 00 01", hours = "كل ليلة" }]
`;

test("agency, way out, careful words and crisis lines are those of the settings", LONG, async (t) => {
  const server = await Server.start(t, { config: CONFIG });
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  const { page } = await people.openPage(await chromium(t, BEN), server.origin);

  await page.goto(people.withLanguage(link, "en"));
  await people.sees(page, "join-view");
  await until("the way out leads where the operator said", async () => (await wayOut(page)) === "https://weather.example/today");
  await people.fill(page, "join-name", "Ben");
  await people.press(page, "join-continue");
  await people.sees(page, "careful-view");
  await look(page, "operator-careful", ["en"]);
  await people.press(page, "careful-continue");
  await people.press(page, "join-no-camera");
  await people.press(page, "consent-refuse");
  await people.sees(page, "other-ways-view");
  assert.match(await people.readAll(page), /Haus am Fluss/);
  assert.match(await people.read(page, "crisis-lines"), /Night line/);
  await people.press(page, "other-ways-back");
  await people.takePart(page, "join-no-camera");
  await people.sees(page, "waiting-view");
  assert.match(await people.readAll(page), /Haus am Fluss/, "who waits reads where they are");

  for (const [language, expected] of [["en", /Night line[\s\S]*every night/], ["ar", /خط المساعدة[\s\S]*كل ليلة/], ["zh", /Night line/]]) {
    await people.speak(page, language);
    assert.match(await people.read(page, "crisis-lines"), expected, language);
  }
  assert.equal(await page.$eval(`${people.byId("crisis-lines")} a`, ({ href }) => href), "tel:+41440000000");
  await look(page, "operator-waiting");
  await people.press(page, "waiting-leave");
  await people.ended(page);
  assert.match(await people.read(page, "crisis-lines"), /Night line/);
});

test("the environment wins over the file, and a server that is not sensitive asks nothing more", LONG, async (t) => {
  const env = { AMAN_OPERATOR_EXIT_URL: "https://news.example/", AMAN_OPERATOR_SENSITIVE: "false" };
  const server = await Server.start(t, { config: CONFIG, env });
  const { page } = await people.openPage(await chromium(t, BEN), server.origin);
  // Whether a link is known is asked later: any well-formed one shows the first pages.
  await page.goto(people.withLanguage(`${server.origin}/j#1.${"A".repeat(43)}.${"A".repeat(22)}`, "en"));
  await until("the way out leads where the operator said", async () => (await wayOut(page)) === "https://news.example/");
  await people.fill(page, "join-name", "Ben");
  await people.press(page, "join-continue");
  await people.sees(page, "devices-view");
  await people.press(page, "join-no-camera");
  await people.press(page, "consent-refuse");
  await people.sees(page, "crisis-lines");
  assert.match(await people.read(page, "crisis-lines"), /Night line/, "what is not in the environment is the file's");
});

function wayOut(page) {
  return page.$eval("#quick-exit", ({ href }) => href);
}
