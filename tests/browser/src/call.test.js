// A whole call between two Chromiums: what each sees, hears and reads of the other.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, isToneOf, quartersShown, toneHeard } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

test("chromium and chromium see, hear and read each other", LONG, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);

  await people.setUp(ana.page, server);
  await look(ana.page, "desk");
  const link = await people.makeRoom(ana.page);
  const secret = new URL(link).hash.split(".")[1];
  await people.openWaitingRoom(ana.page);
  await look(ana.page, "room");

  await people.knock(ben.page, link, "Ben");
  assert.equal(new URL(ben.page.url()).hash, "", "the secret is gone from the address bar");
  await look(ben.page, "waiting");
  await until("the counsellor reads the name", async () => (await people.read(ana.page, "waiting-name")) === "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);

  await until("Ana sees Ben", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  await until("Ana hears Ben", async () => isToneOf(BEN, await toneHeard(ana.page)));
  await until("Ben hears Ana", async () => isToneOf(ANA, await toneHeard(ben.page)));

  await people.write(ana.page, "How are you today?");
  await people.reads(ben.page, "How are you today?");
  await people.write(ben.page, "Better than last week. أفضل 好多了");
  await people.reads(ana.page, "Better than last week. أفضل 好多了");

  const codes = await Promise.all([ana, ben].map(({ page }) => people.read(page, "safety-code")));
  assert.match(codes[0].replace(/\s+/g, " "), /\d{5}/, "there is a safety code");
  assert.equal(codes[0].replace(/\D/g, ""), codes[1].replace(/\D/g, ""), "both see the same safety code");
  await look(ana.page, "call-counsellor");
  await look(ben.page, "call-person");

  await people.press(ben.page, "camera-toggle");
  await until("Ana is told that the camera is off", async () => {
    const state = await people.data(ana.page, "tile-remote", "state");
    return state === "camera_off" || `state: ${state}`;
  });
  await people.press(ben.page, "camera-toggle");
  await until("Ana sees Ben again", async () => isPictureOf(BEN, await quartersShown(ana.page)));

  await people.pressAndConfirm(ana.page, "end-for-both");
  assert.equal(await people.ended(ben.page), "room_ended");
  await look(ben.page, "ended");

  ana.witness.assertClean([secret]);
  ben.witness.assertClean([secret]);
});

test("somebody leaves, and the other is told", LONG, async (t) => {
  const server = await sharedServer();
  const { ana, ben } = await together(t, server);
  await people.pressAndConfirm(ben.page, "leave");
  assert.equal(await people.ended(ben.page), "left");
  await until("Ana is alone", async () => (await ana.page.$(people.byId("tile-remote"))) === null);
});

test("the server stops during a call and comes back, and so does the call", LONG, async (t) => {
  const server = await Server.start(t);
  const { ana, ben } = await together(t, server);
  await server.stop();
  for (const { page } of [ana, ben]) {
    await until("the page says that it reconnects", async () => {
      const banner = await page.$(people.byId("banner"));
      return banner !== null && (await people.data(page, "banner", "banner")) === "reconnecting";
    });
  }
  // Other languages would have to be fetched from the server that is gone.
  await look(ben.page, "reconnecting", ["en"]);
  await server.run();
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await until("Ana sees Ben again", async () => isPictureOf(BEN, await quartersShown(ana.page)), 60_000);
  await until("Ben sees Ana again", async () => isPictureOf(ANA, await quartersShown(ben.page)), 60_000);
  await people.write(ben.page, "Here I am again");
  await people.reads(ana.page, "Here I am again");
});

/** Two people in a call who see each other. */
async function together(t, server) {
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
  await until("Ana sees Ben", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  return { ana, ben };
}
