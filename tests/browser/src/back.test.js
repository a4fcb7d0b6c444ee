// The browser's own "back", once somebody has gone: nothing of the session comes back with it,
// neither after the quick exit nor after the end, also where the browser keeps whole pages.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };
const NEUTRAL = "https://www.wikipedia.org/";
const NAME = "Benjamin Okonkwo";
const SAID = "I would rather talk tomorrow";

for (const [name, open] of [["chromium", (t) => chromium(t, BEN)], ["firefox", (t) => firefox(t)]]) {
  test(`${name}: "back" after the quick exit leads past the session`, LONG, async (t) => {
    const { ben, before } = await waiting(t, await open(t));
    ben.witness.allow(NEUTRAL);
    await ben.page.setRequestInterception(true);
    ben.page.on("request", (request) => {
      const isOut = request.url().startsWith(NEUTRAL);
      void (isOut ? request.respond({ status: 200, contentType: "text/html", body: "<title>Weather</title>sunny" }) : request.continue()).catch(() => undefined);
    });
    await ben.page.evaluate(() => document.getElementById("quick-exit").click());
    await until("the neutral page is there", () => ben.page.url().startsWith(NEUTRAL) && ben.page.title().then((title) => title === "Weather"));
    await step(ben.page, -1);
    await until("the page before the link", async () => (await here(ben.page)) === before || here(ben.page));
    await step(ben.page, 1);
    await until("and the neutral one again", async () => (await here(ben.page)).startsWith(NEUTRAL) || here(ben.page));
  });

  test(`${name}: "back" after the end shows nothing of the session`, LONG, async (t) => {
    const { ben, before } = await waiting(t, await open(t));
    await people.press(ben.page, "waiting-leave");
    await people.ended(ben.page);
    await ben.page.goto(before);
    await step(ben.page, -1);
    await people.sees(ben.page, "notice-view");
    const shown = await ben.page.evaluate(() => [sessionStorage.getItem("shown") ?? "", document.body.textContent].join());
    t.diagnostic(`kept whole: ${shown.includes("kept whole")}`);
    assert.ok(!shown.includes(NAME) && !shown.includes(SAID) && !shown.includes("Ana"), shown);
  });
}

/** What the browser's own buttons do; a page that is kept whole fires none of the events a driver waits for. */
function step(page, by) {
  return page.evaluate((to) => setTimeout(() => history.go(to)), by).catch(() => undefined);
}

function here(page) {
  return page.evaluate(() => location.href).catch(() => "on the way");
}

/** Somebody who came from another page waits, has written, and was written to. */
async function waiting(t, browser) {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  const ben = await people.openPage(browser, server.origin);
  // What a page shows at the very moment it comes back, before its own scripts can do anything.
  await ben.page.evaluateOnNewDocument(() => {
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) sessionStorage.setItem("shown", `kept whole: ${document.body.innerText} ${document.title}`);
    }, { capture: true });
  });
  const before = `${server.origin}/api/state`;
  await ben.page.goto(before);
  await people.knock(ben.page, link, NAME, { camera: false });
  await people.press(ana.page, "ask-to-wait");
  await people.sees(ben.page, "doorstep-text");
  await people.fill(ben.page, "doorstep-text", SAID);
  await people.press(ben.page, "doorstep-send");
  await until("it was said", async () => (await people.readAll(ana.page)).includes(SAID));
  return { ana, ben, before };
}
