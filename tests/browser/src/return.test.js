// Who may come back without being let in again: nobody but a device the counsellor let in, and
// only in the same sitting.  The server's word is not asked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, isToneOf, quartersShown, toneHeard } from "./fake_media.js";
import * as people from "./people.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

test("after a reload the counsellor need not ask again, and after she left she must", LONG, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);

  ana.page.on("dialog", (dialog) => dialog.accept());
  await ana.page.reload();
  await people.press(ana.page, "desk-open-item");
  await people.press(ana.page, "room-open");
  await people.inCall(ana.page);
  await until("Ana sees Ben again", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Ana hears Ben again", async () => isToneOf(BEN, await toneHeard(ana.page)));
  await until("Ben sees Ana again", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  await until("Ben hears Ana again", async () => isToneOf(ANA, await toneHeard(ben.page)));

  await people.pressAndConfirm(ana.page, "leave");
  await people.ended(ana.page);
  await ana.page.reload();
  await people.press(ana.page, "desk-open-item");
  await people.press(ana.page, "room-open");
  await people.sees(ana.page, "waiting-item");
  assert.equal(await people.read(ana.page, "waiting-name"), "Ben");
});

test("somebody who reloads the page comes back by the same link, and is seen and heard", LONG, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await until("Ana hears Ben", async () => isToneOf(BEN, await toneHeard(ana.page)));

  ben.page.on("dialog", (dialog) => dialog.accept());
  await ben.page.reload();
  await people.knockAgain(ben.page, link, "Ben");
  await people.inCall(ben.page);
  assert.equal(await ana.page.$(people.byId("waiting-item")), null, "the counsellor need not let Ben in again");
  await until("Ana sees Ben again", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Ana hears Ben again", async () => isToneOf(BEN, await toneHeard(ana.page)));
  await until("Ben sees Ana again", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  await until("Ben hears Ana again", async () => isToneOf(ANA, await toneHeard(ben.page)));
});
