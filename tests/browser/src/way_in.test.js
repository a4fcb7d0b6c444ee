// The way in, off the straight road: inside another app, as a helper who only tests, in writing
// only, and with a "no" that is kept until the person says otherwise.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import { printed } from "./paper.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };
const INSTAGRAM = "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0 Mobile Safari/537.36 Instagram 331.0.0.37.90 Android";

test("inside another app one is led out with the whole link, or goes on without it in the address bar", LONG, async (t) => {
  const { link, ben } = await invited(t);
  await ben.page.setUserAgent(INSTAGRAM);
  const whole = people.withLanguage(link, "en");
  await ben.page.goto(whole);
  await people.sees(ben.page, "in-app-view");
  assert.equal(await people.data(ben.page, "in-app-view", "app"), "instagram");
  assert.equal(ben.page.url(), whole, "the app's own \"open in browser\" gets the fragment");
  await ben.page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await people.press(ben.page, "copy-link");
  await people.sees(ben.page, "copy-link-field");
  assert.equal(await ben.page.$eval(people.byId("copy-link-field"), (field) => field.value), whole);
  await look(ben.page, "in-app");
  await people.press(ben.page, "in-app-try");
  await people.sees(ben.page, "join-view");
  assert.equal(new URL(ben.page.url()).hash, "", "the fragment is gone from the address bar");
  ben.witness.assertClean([new URL(link).hash.slice(3, 40)]);
});

test("a helper tests the devices and leaves, and nothing was used up", LONG, async (t) => {
  const { ana, link, ben } = await invited(t);
  await toDevices(ben.page, link);
  await people.press(ben.page, "sound-play");
  await people.press(ben.page, "sound-no");
  await until("help with the sound", async () => (await people.read(ben.page, "sound-word")) !== "");
  await until("the line works", async () => (await people.data(ben.page, "line-check", "line")) === "works");
  await people.press(ben.page, "devices-finish");
  await people.sees(ben.page, "tested-view");
  assert.ok((await tracks(ben.page)).every((state) => state === "ended"), "the devices are off");
  assert.equal(await ana.page.$(people.byId("waiting-item")), null, "nobody was told");
  // The person it is meant for comes on another device.
  const third = await people.openPage(await chromium(t, BEN), new URL(link).origin);
  await people.knock(third.page, link, "Ben");
  await people.sees(ana.page, "waiting-item");
});

test("in writing only: no device runs, a later yes is asked for, and one tap takes all back", LONG, async (t) => {
  const { ana, link, ben } = await invited(t);
  await toDevices(ben.page, link);
  await people.sees(ben.page, "devices-preview");
  await people.press(ben.page, "join-text-only");
  await people.sees(ben.page, "consent-view");
  const ticked = await ben.page.$$eval("[data-testid^=consent-][type=checkbox]", (boxes) => boxes.map(({ checked }) => checked));
  assert.deepEqual(ticked, [false, false, true], "nothing is agreed to beyond the way that was chosen");
  assert.ok((await tracks(ben.page)).every((state) => state === "ended"));
  await people.press(ben.page, "consent-agree");
  await people.sees(ben.page, "waiting-view");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await people.press(ben.page, "camera-toggle");
  await people.press(ben.page, "withheld-no");
  assert.ok((await tracks(ben.page)).every((state) => state === "ended"), "a no is kept");
  await people.write(ben.page, "I would rather write");
  await people.reads(ana.page, "I would rather write");
  await people.press(ben.page, "more-open");
  await people.press(ben.page, "more-consent");
  await until("both have signed what was agreed", async () => (await people.data(ben.page, "consent-panel", "signed")) === "true");
  await look(ben.page, "consent-panel", ["en"]);
  const his = await saved(ben.page, "consent-save");
  const paper = await printed(ben.page);
  assert.match(paper.words, /^What was agreed[\s\S]*Both of you have signed/);
  assert.doesNotMatch(paper.words, /rather write|Leave/, "nothing of the call is on paper");
  assert.equal(paper.sheets, 1);
  await people.press(ben.page, "consent-withdraw");
  assert.equal(await people.ended(ben.page), "left");
  await people.sees(ben.page, "ended-wiped");

  await until("Ana is alone", async () => (await ana.page.$(people.byId("tile-remote"))) === null);
  await people.pressAndConfirm(ana.page, "end-for-both");
  await people.press(ana.page, "ended-desk");
  await people.sees(ana.page, "receipts");
  const kinds = await ana.page.$$eval(people.byId("receipt"), (all) => all.map(({ dataset }) => dataset.kind));
  assert.deepEqual(kinds, ["agreed", "withdrawn"]);
  assert.equal(await saved(ana.page, "receipt-save"), his, "both keep the same paper");
  const { statement, attendee, counsellor } = JSON.parse(his);
  assert.deepEqual(statement.items.map(({ name, agreed }) => [name, agreed]), [["video", false], ["audio", false], ["chat", true]]);
  assert.notEqual(attendee.key, counsellor.key);
});

async function invited(t) {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  const ben = await people.openPage(await chromium(t, BEN), server.origin);
  await ben.page.evaluateOnNewDocument(() => {
    globalThis.ownTracks = [];
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      globalThis.ownTracks.push(...stream.getTracks());
      return stream;
    };
  });
  return { server, ana, link, ben };
}

async function toDevices(page, link) {
  await page.goto(people.withLanguage(link, "en"));
  await people.toDevices(page, "Ben");
}

/** The text of the file that a button offers. */
async function saved(page, button) {
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (file) => {
      globalThis.savedFile = file;
      return make.call(URL, file);
    };
  });
  await people.press(page, button);
  return page.evaluate(() => globalThis.savedFile.text());
}

function tracks(page) {
  return page.evaluate(() => globalThis.ownTracks.map(({ readyState }) => readyState));
}
