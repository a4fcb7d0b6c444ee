// Doors that do not open, and what they say: every way of not getting in is a kind page.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as fresh from "./browsers.js";
import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, quartersShown } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 180_000 };

test("setup and sign-in: right and wrong", LONG, async (t) => {
  const server = await Server.start(t);
  const browser = await chromium(t, ANA);
  const { page } = await people.openPage(browser, server.origin);
  await page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await notice(page, "needs_setup");
  await page.goto(people.withLanguage(server.setupLink, "en"));
  await people.sees(page, "setup-view");
  assert.equal(new URL(page.url()).hash, "", "the token is gone from the address bar");
  await look(page, "setup");
  await people.setUp(page, server);

  const other = await people.openPage(browser, server.origin);
  await other.page.goto(people.withLanguage(server.setupLink, "en"));
  await notice(other.page, "setup_done");
  await look(other.page, "setup-done");
  await other.page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.sees(other.page, "signin-view");
  await look(other.page, "sign-in");
  await people.fill(other.page, "signin-name", "Ana Counsellor");
  await people.fill(other.page, "signin-password", "not the password");
  await people.press(other.page, "signin-submit");
  await people.sees(other.page, "signin-error");
  await people.fill(other.page, "signin-password", people.PASSWORD);
  await people.press(other.page, "signin-submit");
  await people.sees(other.page, "desk-view");
});

test("a mistyped, a revoked and a missing link each say what to do", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);

  const ben = await people.openPage(browser, server.origin);
  await ben.page.goto(people.withLanguage(`${server.origin}/j`, "en"));
  await notice(ben.page, "no_link");
  await look(ben.page, "no-link");
  await ben.page.goto("about:blank");
  await ben.page.goto(people.withLanguage(link.slice(0, -9), "en"));
  await notice(ben.page, "bad_link");
  await look(ben.page, "bad-link");

  const unknown = link.replace(/#1\.(.)/, (_, first) => `#1.${first === "A" ? "B" : "A"}`);
  await people.refused(browser, server, unknown, "no_such_right", "unknown-link");
  await people.pressAndConfirm(ana.page, "room-revoke");
  await until("the link is taken back", async () => (await ana.page.$(people.byId("room-new-link"))) !== null);
  await people.refused(browser, server, link, "no_such_right", "revoked-link");
});

test("somebody is not let in", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  const ben = await people.openPage(browser, server.origin);
  await people.knock(ben.page, link, "Ben");
  await people.sees(ana.page, "waiting-item");
  await people.press(ana.page, "decline");
  assert.equal(await people.ended(ben.page), "declined");
  await look(ben.page, "declined");
});

for (const devices of ["denied", "absent"]) {
  test(`with camera and microphone ${devices}, one still joins`, LONG, async (t) => {
    const server = await sharedServer();
    const ana = await people.openPage(await chromium(t, ANA), server.origin);
    const ben = await people.openPage(await fresh.chromium(t, BEN, devices), server.origin);
    await people.setUp(ana.page, server);
    const link = await people.makeRoom(ana.page);
    await people.openWaitingRoom(ana.page);
    await ben.page.goto(people.withLanguage(link, "en"));
    await people.toDevices(ben.page, "Ben");
    await people.sees(ben.page, "join-no-camera");
    await look(ben.page, `devices-${devices}`);
    await people.takePart(ben.page, "join-no-camera");
    await people.admit(ana.page);
    await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
    await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));
    await people.write(ben.page, "I have no camera");
    await people.reads(ana.page, "I have no camera");
  });
}

test("a browser that cannot seal frames is told so and never joins", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  const ben = await people.openPage(browser, server.origin);
  const sockets = [];
  ben.page.on("request", (request) => request.url().includes("/ws") && sockets.push(request.url()));
  await ben.page.evaluateOnNewDocument(() => {
    delete globalThis.RTCRtpScriptTransform;
  });
  await ben.page.goto(people.withLanguage(link, "en"));
  await notice(ben.page, "unsupported");
  await look(ben.page, "unsupported");
  assert.deepEqual(sockets, []);
});

test("the pages of the way in, in every language", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  const ben = await people.openPage(browser, server.origin);
  await ben.page.setViewport({ width: 390, height: 844 });
  await ben.page.goto(people.withLanguage(link, "en"));
  await people.sees(ben.page, "join-view");
  await look(ben.page, "join-phone");
  await people.toDevices(ben.page, "Ben");
  await people.sees(ben.page, "join-knock");
  await look(ben.page, "devices-phone");
  await people.takePart(ben.page, "join-knock");
  await people.sees(ben.page, "waiting-view");
  await look(ben.page, "waiting-phone");
  await people.openWaitingRoom(ana.page);
  await people.sees(ana.page, "waiting-item");
  await look(ana.page, "room-with-knock");
});

async function notice(page, kind) {
  await people.sees(page, "notice-view");
  assert.equal(await people.data(page, "notice-view", "notice"), kind);
}
