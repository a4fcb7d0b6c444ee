// The pictures of the README, taken in a real call: `npm run pictures` in tests/browser.
import { join } from "node:path";

import { chromium } from "./browsers.js";
import { LINDQVIST, SAMAR } from "./fake_media.js";
import * as people from "./people.js";
import { ROOT } from "./places.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const PHONE = { width: 390, height: 780, isMobile: true, hasTouch: true };

async function take(page, name, language = "en") {
  if ((await page.$(people.byId("lang-select"))) !== null) await people.speak(page, language);
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: join(ROOT, "docs/pictures", `${name}.png`) });
}

async function takeAll(t) {
  const server = await Server.start(t);
  const ana = await people.openPage(await chromium(t, LINDQVIST), server.origin);
  const samar = await people.openPage(await chromium(t, SAMAR), server.origin);
  await samar.page.setViewport(PHONE);
  await people.setUp(ana.page, server, "Dr. Ana Lindqvist");
  await people.makeRoom(ana.page, "First talk");
  await ana.page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.sees(ana.page, "desk-view");
  const link = await people.makeRoom(ana.page, "Follow-up");
  await people.openWaitingRoom(ana.page);
  await samar.page.goto(people.withLanguage(link, "ar"));
  await people.sees(samar.page, "join-view");
  await take(samar.page, "join-ar", "ar");
  await people.knock(samar.page, link, "Samar سمر");
  await people.sees(ana.page, "waiting-item");
  await take(samar.page, "waiting-zh", "zh");
  await take(ana.page, "room");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(samar.page)]);
  await Promise.all([ana, samar].map(({ page }) => until("the picture is there", async () => (await people.data(page, "call-view", "first-frame-at")) !== null)));
  await people.speak(samar.page, "en");
  await take(samar.page, "call-phone");
  await people.write(samar.page, "Hello, can you hear me?");
  await people.write(ana.page, "Yes, very well. Take your time.");
  await people.write(samar.page, "شكرًا جزيلًا. هل يمكن أن نتحدث بالعربية قليلًا؟");
  await people.write(ana.page, "بالطبع، كما تشائين.");
  await people.reads(ana.page, "شكرًا");
  await take(ana.page, "call");
  await people.pressAndConfirm(ana.page, "end-for-both");
  await people.ended(samar.page);
  await ana.page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.sees(ana.page, "desk-item");
  await take(ana.page, "desk");
}

const undo = [];
try {
  await takeAll({ name: "readme", after: (action) => undo.push(action) });
} finally {
  for (const action of undo) await action();
}
