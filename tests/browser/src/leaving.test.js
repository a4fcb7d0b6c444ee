// The quick exit: one press, and in the next frame nothing of the session can be seen or heard.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox } from "./browsers.js";
import { ANA, BEN, isPictureOf, quartersShown } from "./fake_media.js";
import { pressExit, pressShift, rememberDevices } from "./leaving.js";
import * as people from "./people.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };
const EXIT = "https://www.wikipedia.org/";

for (const [name, start, press] of [["chromium", chromium, pressExit], ["firefox", firefox, pressShift]]) {
  test(`in ${name} the quick exit leaves nothing to be seen or heard in the next frame`, LONG, async (t) => {
    const server = await Server.start(t);
    const ana = await people.openPage(await chromium(t, ANA), server.origin);
    const ben = await people.openPage(await start(t, BEN), server.origin);
    ben.witness.allow(EXIT);
    await rememberDevices(ben.page);
    await people.setUp(ana.page, server);
    const link = await people.makeRoom(ana.page);
    await people.openWaitingRoom(ana.page);
    await people.knock(ben.page, link, "Ben");
    await people.admit(ana.page);
    await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
    await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));
    const before = await ben.page.evaluate(() => history.length);

    // The other page is never reached from here: it is held, so that ours can be looked at.
    await ben.page.setRequestInterception(true);
    const led = new Promise((resolve) => {
      ben.page.on("request", (request) => {
        if (!request.isNavigationRequest()) return void request.continue();
        resolve(request.url());
        void request.respond({ status: 200, contentType: "text/html", body: "<title>Elsewhere</title>" });
      });
    });
    const left = await press(ben.page);
    assert.ok(left.inCall && left.taken >= 2, "Ben was in the call, with camera and microphone");
    assert.deepEqual([left.seen, left.words], [[], ""], "something is still seen");
    assert.deepEqual([left.live, left.playing], [[], 0], "something still listens or plays");
    assert.doesNotMatch(left.title, /Ana|Tuesday|call|session/i);
    assert.equal(await led, EXIT);
    await until("the other page is there", async () => (await ben.page.title()) === "Elsewhere" || ben.page.title());
    assert.equal(await ben.page.evaluate(() => history.length), before, "there is no way back in this tab");
    await until("Ana is told", async () => {
      const state = await people.data(ana.page, "tile-remote", "state").catch(() => "gone");
      return state === "gone" || state === "reconnecting" || `state: ${state}`;
    });
  });
}
