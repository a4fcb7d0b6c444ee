// The two journeys, from the first visit to the last page, as a person would tell them.  One
// runs with the counsellor in Chromium and the attendee in Firefox, one the other way round.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 300_000 };

for (const [name, hers, his] of [["chromium with firefox", chromium, firefox], ["firefox with chromium", firefox, chromium]]) {
  test(`the whole way of counsellor and attendee: ${name}`, LONG, async (t) => {
    const server = await sharedServer();
    const [ana, ben] = await Promise.all([
      hers(t, ANA).then((browser) => people.openPage(browser, server.origin)),
      his(t, BEN).then((browser) => people.openPage(browser, server.origin)),
    ]);
    const link = await theCounsellorPreparesAnAppointment(ana.page, server);
    await theAttendeeFindsTheWay(ben.page, link);
    await theyMeetAtTheDoor(ana.page, ben.page);
    await theyTalk(ana.page, ben.page);
    await theyPart(ana.page, ben.page);
  });
}

async function theCounsellorPreparesAnAppointment(page, server) {
  await people.setUp(page, server);
  await people.press(page, "desk-new");
  await people.fill(page, "desk-title", "First talk");
  const soon = new Date(Date.now() + 10 * 60_000);
  const two = (number) => String(number).padStart(2, "0");
  await people.fill(page, "form-date", `${soon.getFullYear()}-${two(soon.getMonth() + 1)}-${two(soon.getDate())}`);
  await people.fill(page, "form-time", `${two(soon.getHours())}:${two(soon.getMinutes())}`);
  await people.press(page, "desk-create");
  await people.sees(page, "room-view");
  await people.sees(page, "room-when");
  const link = await people.roomLink(page);
  assert.match(await people.read(page, "invite-state"), /not opened/i);
  await look(page, "journey-share", ["en"]);
  await people.press(page, "room-qr");
  await people.sees(page, "full-code");
  await people.press(page, "full-code-close");
  await people.openWaitingRoom(page);
  return link;
}

async function theAttendeeFindsTheWay(page, link) {
  await page.goto(people.withLanguage(link, "en"));
  await people.sees(page, "join-view");
  assert.equal(await page.title(), "Appointment", "the tab does not say what this is");
  await people.sees(page, "quick-exit");
  await people.speak(page, "ar");
  assert.equal(await page.evaluate(() => document.documentElement.dir), "rtl");
  await people.speak(page, "en");
  await people.toDevices(page, "Ben");
  // The device test: sight, level, sound, line; three equal ways to take part.
  await people.sees(page, "devices-preview");
  await until("Ben sees himself", () => page.$eval(people.byId("devices-preview"), (part) => (part.videoWidth ?? part.querySelector("video")?.videoWidth) > 0));
  await people.press(page, "sound-play");
  await people.press(page, "sound-yes");
  await people.sees(page, "line-check");
  for (const way of ["join-knock", "join-no-camera", "join-text-only"]) await people.sees(page, way);
  await people.press(page, "join-knock");
  // Nothing before it was agreed to.
  await people.sees(page, "consent-view");
  await look(page, "journey-consent", ["en"]);
  await people.press(page, "consent-refuse");
  await people.sees(page, "other-ways-view");
  await people.press(page, "other-ways-back");
  await people.takePart(page, "join-knock");
  await people.sees(page, "waiting-view");
}

async function theyMeetAtTheDoor(ana, ben) {
  await people.sees(ana, "waiting-item");
  assert.equal(await people.read(ana, "waiting-name"), "Ben");
  await look(ana, "journey-door", ["en"]);
  await people.admit(ana);
  await Promise.all([people.inCall(ana), people.inCall(ben)]);
}

async function theyTalk(ana, ben) {
  for (const page of [ana, ben]) {
    await until("a picture was drawn", async () => (await people.data(page, "call-view", "first-frame-at")) !== null);
    await people.sees(page, "clock");
  }
  const codes = await Promise.all([ana, ben].map((page) => people.read(page, "safety-pictures")));
  assert.equal(codes[0], codes[1], "both see the same pictures");
  await people.write(ben, "Better than last week.");
  await people.reads(ana, "Better than last week.");

  // Letters as they are written.
  await people.press(ben, "live-switch");
  await people.fill(ben, "chat-input", "I wanted to ask");
  await until("Ana reads the letters", async () => (await people.readAll(ana)).includes("I wanted to ask"));
  await people.fill(ben, "chat-input", "");

  // The place where help would have to come, asked and answered.
  await people.press(ana, "more-place");
  await people.sees(ben, "place-text");
  await people.fill(ben, "place-text", "12 Elm Road");
  await people.press(ben, "place-send");
  await until("Ana reads the place", async () => (await people.read(ana, "place-answer").catch(() => "")).includes("12 Elm Road"));
  await people.press(ana, "place-forget");

  // Voice first: Ben turns to sound alone, and back.
  await people.press(ben, "step-audio");
  await people.press(ben, "quality-close");
  await until("Ben hears what he sends", async () => (await people.data(ben, "call-view", "step")) === "audio");
  await people.sees(ana, "other-step");
  await people.write(ana, "I still hear you.");
  await people.reads(ben, "I still hear you.");
  await people.press(ben, "step-full");
  await until("Ben sends everything again", async () => (await people.data(ben, "call-view", "step")) === "full");
}

async function theyPart(ana, ben) {
  await people.pressAndConfirm(ben, "leave");
  assert.equal(await people.ended(ben), "left");
  await look(ben, "journey-ended", ["en"]);
  assert.equal(await ben.evaluate(() => localStorage.length), 0, "nothing stays in this browser");
  await people.pressAndConfirm(ana, "end-for-both");
  await people.sees(ana, "ended-view");
  await people.press(ana, "ended-desk");
  await people.sees(ana, "after-view");
  await look(ana, "journey-after", ["en"]);
  await people.press(ana, "after-skip");
  await people.sees(ana, "desk-view");
}
