// What a link opens for whom: the person it was made for, somebody else who got hold of it, and
// nobody once it is over.  (Mistyped, revoked and missing ones are in doors.test.js.)
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, quartersShown } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 180_000 };
const CAROL = BEN;

test("a used link on another device leads to the waiting room, and the counsellor is warned", LONG, async (t) => {
  const server = await sharedServer();
  const [anaBrowser, benBrowser] = await Promise.all([chromium(t, ANA), chromium(t, BEN)]);
  const ana = await people.openPage(anaBrowser, server.origin);
  const ben = await people.openPage(benBrowser, server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.sees(ana.page, "waiting-item");
  assert.doesNotMatch(await people.readAll(ana.page), /another device/, "the first device is no cause for alarm");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));

  const carol = await people.openPage(await chromium(t, CAROL), server.origin);
  await people.knock(carol.page, link, "Ben");
  await people.sees(ana.page, "waiting-item");
  assert.match(await people.readAll(ana.page), /another device/, "the counsellor is warned");
  await look(ana.page, "another-device");
  await look(carol.page, "another-device-waits", ["en"]);
  assert.equal(await carol.page.$(people.byId("call-view")), null, "nobody is let in by the link alone");

  await people.press(ana.page, "decline");
  assert.equal(await people.ended(carol.page), "declined");
  await people.write(ben.page, "Who was that?");
  await people.reads(ana.page, "Who was that?");
  assert.equal(await people.data(ana.page, "keys-word", "members"), "2");
});

test("an expired link says so", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  // The desk's links last a week: this one shall last for a moment.
  await ana.page.setRequestInterception(true);
  ana.page.on("request", (request) => {
    const isNew = request.method() === "POST" && request.url().endsWith("/invites");
    const soon = () => JSON.stringify({ ...JSON.parse(request.postData()), expires_at: Math.floor(Date.now() / 1000) + 2 });
    void request.continue(isNew ? { postData: soon() } : {});
  });
  const link = await people.makeRoom(ana.page);
  await until("the link has expired", () =>
    ana.page.evaluate(async () => (await (await fetch("/api/rooms")).json())[0].invites[0].state === "expired"),
  );
  await people.refused(browser, server, link, "expired", "expired-link");
});
