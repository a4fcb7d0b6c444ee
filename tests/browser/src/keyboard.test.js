// The whole journey with a keyboard alone, on both sides: no mouse, no touch, no script that
// presses.  Dialogs hold the focus while they are open and give it back.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, quartersShown } from "./fake_media.js";
import { pressByKey, tabTo, typeInto } from "./keyboard.js";
import * as people from "./people.js";
import { until } from "./until.js";

test("counsellor and attendee need nothing but a keyboard", { timeout: 240_000 }, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);

  const name = server.newName();
  await ana.page.goto(people.withLanguage(server.invitation(), "en"));
  await typeInto(ana.page, "setup-name", name);
  await typeInto(ana.page, "setup-password", people.PASSWORD);
  await pressByKey(ana.page, "setup-submit");
  await people.sees(ana.page, "desk-view");
  await pressByKey(ana.page, "desk-new");
  await typeInto(ana.page, "desk-title", "Tuesday");
  await pressByKey(ana.page, "desk-create");
  const link = await people.roomLink(ana.page);
  await tabTo(ana.page, "room-copy-link");
  await pressByKey(ana.page, "room-open");
  await people.sees(ana.page, "room-connected");

  await ben.page.goto(people.withLanguage(link, "en"));
  await typeInto(ben.page, "join-name", "Ben");
  await ben.page.keyboard.press("Enter");
  await pressByKey(ben.page, "join-knock");
  const asked = await ben.page.waitForSelector(`${people.byId("consent-agree")}, ${people.byId("waiting-view")}`);
  if ((await asked.evaluate((part) => part.dataset.testid)) === "consent-agree") await pressByKey(ben.page, "consent-agree");
  await people.sees(ben.page, "waiting-view");
  await tabTo(ben.page, "waiting-leave");
  await pressByKey(ana.page, "admit", "Space");
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));

  await pressByKey(ben.page, "mic-toggle", "Space");
  assert.equal(await people.data(ben.page, "mic-toggle", "on"), "false");
  await pressByKey(ben.page, "camera-toggle", "Space");
  await until("Ana is told that the camera is off", async () => (await people.data(ana.page, "tile-remote", "state")) === "camera_off");
  await pressByKey(ben.page, "chat-open");
  await typeInto(ben.page, "chat-input", "I have only a keyboard.");
  await ben.page.keyboard.press("Enter");
  await people.reads(ben.page, "I have only a keyboard.");
  await pressByKey(ana.page, "chat-open");
  await people.reads(ana.page, "I have only a keyboard.");
  await pressByKey(ana.page, "safety-open");
  await ana.page.keyboard.press("Escape");

  await pressByKey(ben.page, "leave");
  await people.sees(ben.page, "confirm-yes");
  await ben.page.keyboard.press("Escape");
  await until("the dialog gave the focus back", () => ben.page.evaluate(() => document.activeElement.dataset.testid === "leave"));
  await ben.page.keyboard.press("Enter");
  await pressByKey(ben.page, "confirm-yes");
  assert.equal(await people.ended(ben.page), "left");
  await pressByKey(ana.page, "more-open");
  await pressByKey(ana.page, "end-for-both");
  await pressByKey(ana.page, "confirm-yes");
  await people.sees(ana.page, "ended-view");
});
