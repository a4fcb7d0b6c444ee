// A call between Chromium and Firefox, either of them the counsellor's.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FIREFOX_TONE } from "./browsers.js";
import { chromium, firefox, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, isToneOf, quartersShown, toneHeard } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

test("chromium asks firefox in", LONG, async (t) => {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  const ben = await people.openPage(await firefox(t), server.origin);
  await call(server, ana, ben);
  await until("Firefox sees the picture of Chromium", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  await until("Firefox hears the sound of Chromium", async () => isToneOf(ANA, await toneHeard(ben.page)));
  await firefoxIsSeenAndHeard(ana.page);
  await look(ben.page, "firefox-call");
});

test("firefox asks chromium in", LONG, async (t) => {
  const server = await sharedServer();
  const ana = await people.openPage(await firefox(t), server.origin);
  const ben = await people.openPage(await chromium(t, BEN), server.origin);
  await call(server, ana, ben);
  await until("Firefox sees the picture of Chromium", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Firefox hears the sound of Chromium", async () => isToneOf(BEN, await toneHeard(ana.page)));
  await firefoxIsSeenAndHeard(ben.page);
  await people.pressAndConfirm(ana.page, "end-for-both");
  assert.equal(await people.ended(ben.page), "room_ended");
});

async function call(server, ana, ben) {
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await people.write(ana.page, "Can you read this?");
  await people.reads(ben.page, "Can you read this?");
  await people.write(ben.page, "I can.");
  await people.reads(ana.page, "I can.");
  const codes = await Promise.all([ana, ben].map(({ page }) => people.read(page, "safety-code")));
  assert.equal(codes[0].replace(/\D/g, ""), codes[1].replace(/\D/g, ""), "both see the same safety code");
}

/** Firefox's fake camera shows one colour at a time, and never the same for long. */
async function firefoxIsSeenAndHeard(page) {
  const colours = new Set();
  await until("the colours of Firefox's camera change", async () => {
    const shown = await quartersShown(page);
    if (shown === null) return "nothing drawn";
    const [first] = shown;
    const isOneColour = shown.every((colour) => colour.every((value, c) => Math.abs(value - first[c]) < 40));
    if (isOneColour && Math.max(...first) > 40) colours.add(first.map((value) => value >> 4).join());
    return colours.size >= 3 || `${colours.size} colours`;
  });
  await until("the tone of Firefox's microphone is heard", async () => isToneOf({ tone: FIREFOX_TONE }, await toneHeard(page)));
}
