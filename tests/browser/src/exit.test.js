// The quick exit: by its link and by Shift three times, from the first page, from the waiting
// room and out of a call with a dialog open.  Within one frame nothing is seen or heard.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };
const NEUTRAL = "https://www.wikipedia.org/";

for (const [name, open] of [["chromium", (t) => chromium(t, BEN)], ["firefox", (t) => firefox(t)]]) {
  test(`${name}: out of the call by the link, with a dialog open`, LONG, async (t) => {
    const { ana, ben, out } = await inCall(t, await open(t));
    await people.press(ben.page, "leave");
    await people.sees(ben.page, "confirm-no");
    const seen = await leaveBy(ben, "link");
    assertNothingLeft(seen);
    assert.ok(seen.tracks.length >= 2, "camera and microphone were on");
    await until("the neutral page was asked for", () => out.length > 0);
    assert.deepEqual(out, [NEUTRAL]);
    await until("the counsellor is told at once", async () => (await ana.page.$(people.byId("tile-remote"))) === null);
  });

  test(`${name}: out of the waiting room by Shift three times`, LONG, async (t) => {
    const server = await sharedServer();
    const ana = await people.openPage(await chromium(t, ANA), server.origin);
    await people.setUp(ana.page, server);
    const link = await people.makeRoom(ana.page);
    await people.openWaitingRoom(ana.page);
    const { ben, out } = await visitor(await open(t), server);
    await people.knock(ben.page, link, "Ben");
    await people.sees(ana.page, "waiting-item");
    const seen = await leaveBy(ben, "keys");
    assertNothingLeft(seen);
    await until("the neutral page was asked for", () => out.length > 0);
    assert.deepEqual(out, [NEUTRAL]);
    await until("nobody waits any more", async () => (await ana.page.$(people.byId("waiting-item"))) === null);
  });
}

test("writing capitals does not lead away, and no page says what it is", LONG, async (t) => {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  const { ben, out } = await visitor(await chromium(t, BEN), server);
  await ben.page.goto(people.withLanguage(link, "en"));
  await people.sees(ben.page, "join-view");
  assert.equal(await ben.page.title(), "Appointment");
  await (await people.sees(ben.page, "join-name")).focus();
  for (const letter of "ABEN") {
    await ben.page.keyboard.down("Shift");
    await ben.page.keyboard.press(letter);
    await ben.page.keyboard.up("Shift");
  }
  assert.equal(await ben.page.$eval(people.byId("join-name"), (field) => field.value), "ABEN");
  assert.deepEqual(out, []);
  await people.press(ben.page, "join-continue");
  await people.sees(ben.page, "devices-preview");
  assert.equal(await ben.page.title(), "Appointment");
});

test("the way out works before any script has loaded", LONG, async (t) => {
  const server = await sharedServer();
  const { ben, out } = await visitor(await chromium(t, BEN), server, (url) => url.endsWith(".js"));
  // A module that never comes holds up "the document is ready": the page counts as navigating.
  ben.page.goto(`${server.origin}/j`).catch(() => undefined);
  await people.sees(ben.page, "quick-exit");
  await ben.page.evaluate(() => document.getElementById("quick-exit").click());
  await until("the neutral page was asked for", () => out.length > 0);
  assert.deepEqual(out, [NEUTRAL]);
});

/** A page whose devices are watched, and that gets no answer from the neutral page. */
async function visitor(browser, server, isHeld = null) {
  const ben = await people.openPage(browser, server.origin);
  await ben.page.evaluateOnNewDocument(() => {
    globalThis.ownTracks = [];
    const { mediaDevices } = navigator;
    const ask = mediaDevices?.getUserMedia.bind(mediaDevices);
    if (ask === undefined) return;
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      globalThis.ownTracks.push(...stream.getTracks());
      return stream;
    };
  });
  ben.witness.allow(NEUTRAL);
  const out = [];
  // Not earlier than needed: a browser that asks us about each request may lose one of a worker's.
  ben.hold = async () => {
    await ben.page.setRequestInterception(true);
    ben.page.on("request", (request) => {
      const url = request.url();
      if (url.startsWith(server.origin) || /^(blob|data|about|ws):/.test(url)) {
        if (isHeld?.(url) !== true) request.continue().catch(() => undefined);
        return;
      }
      // Never answered: the page stays as it is after the press, for as long as we look.
      out.push(url);
    });
  };
  if (isHeld !== null) await ben.hold();
  return { ben, out };
}

async function inCall(t, browser) {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  const { ben, out } = await visitor(browser, server);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  return { ana, ben, out };
}

/** Leaves, and says what there is one frame later. */
async function leaveBy({ page, hold }, how) {
  await hold();
  return page.evaluate(async (way) => {
    if (way === "link") document.getElementById("quick-exit").click();
    else for (let n = 0; n < 3; n += 1) document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Shift", bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const points = [0.02, 0.25, 0.5, 0.75, 0.98].flatMap((x) => [0.02, 0.25, 0.5, 0.75, 0.98].map((y) => [x * innerWidth, y * innerHeight]));
    // A dialog makes the cover dead for the mouse, not for the eye: then the page itself is found.
    const isNothing = (element) => element.id === "cover" || element === document.documentElement || element === document.body;
    const boxes = [...document.body.querySelectorAll("*")].filter((element) => element.id !== "cover" && element.getClientRects().length > 0);
    return {
      seen: points.map(([x, y]) => document.elementFromPoint(x, y)).filter((found) => found !== null && !isNothing(found)).map(({ outerHTML }) => outerHTML.slice(0, 80)),
      boxes: boxes.map(({ tagName, className }) => `${tagName}.${String(className)}`),
      text: document.body.innerText.trim(),
      title: document.title,
      playing: [...document.querySelectorAll("video, audio")].filter(({ srcObject }) => srcObject !== null).length,
      tracks: globalThis.ownTracks.map(({ readyState }) => readyState),
      kept: sessionStorage.length,
    };
  }, how);
}

function assertNothingLeft(seen) {
  assert.deepEqual(seen.seen, [], "something lies over the cover");
  assert.deepEqual(seen.boxes, [], "something is still painted");
  assert.equal(seen.text, "");
  assert.equal(seen.title, "www.wikipedia.org");
  assert.equal(seen.playing, 0, "something still plays");
  assert.ok(seen.tracks.length > 0);
  assert.ok(seen.tracks.every((state) => state === "ended"), `devices: ${seen.tracks.join()}`);
  assert.equal(seen.kept, 0);
}
