// A browser that takes our frame transforms and does not run them.  Nothing may be sent in
// clear, nothing may be shown or heard that no member sealed, and the person must be told.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, quartersShown, toneHeard } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 180_000 };

test("a browser that sends past the vault is stopped, and the server forwards nothing of it", LONG, async (t) => {
  const server = await Server.start(t);
  const { ana, ben } = await callWith(t, server, "RTCRtpSender");
  await until("Ben is told", async () => (await banner(ben.page)) === "unsafe" || `banner: ${await banner(ben.page)}`);
  assert.match(await people.read(ben.page, "banner"), /not sealed/);
  await look(ben.page, "stopped", ["en"]);

  await until("Ben's tracks are off their senders", async () => {
    const senders = await ben.page.evaluate(() => globalThis.parts.filter(({ track }) => track !== null).length);
    return senders === 0 || `${senders} senders with a track`;
  });
  const dropped = await server.counter("dropped_unsealed");
  assert.ok(dropped > 0, "the browser did send in clear, or this test proves nothing");
  await people.write(ben.page, "Can you see me?");
  await people.reads(ana.page, "Can you see me?");
  assert.equal(await toneHeard(ana.page), null, "Ana hears nothing");
  assert.equal(await people.data(ana.page, "call-view", "first-frame-at"), null, "Ana was shown nothing");
  const since = await server.counter("dropped_unsealed");
  // What Ben's page reads from Ana is sealed and opened as ever.
  await until("Ben sees Ana", async () => isPictureOf(ANA, await quartersShown(ben.page)));
  assert.equal(await server.counter("dropped_unsealed"), since, "nothing more is sent");
});

test("a browser that plays past the vault is stopped", LONG, async (t) => {
  const server = await sharedServer();
  const { ana, ben } = await callWith(t, server, "RTCRtpReceiver");
  await until("Ben is told", async () => (await banner(ben.page)) === "unsafe" || `banner: ${await banner(ben.page)}`);
  await until("every track past the vault is stopped", async () => {
    const playing = await ben.page.evaluate(async () => {
      const states = await Promise.all(globalThis.parts.map(async (receiver) => {
        const before = await played(receiver);
        await new Promise((resolve) => setTimeout(resolve, 500));
        return receiver.track.readyState === "live" && (await played(receiver)) > before;
      }));
      return states.filter(Boolean).length;

      async function played(receiver) {
        let frames = 0;
        for (const stats of (await receiver.getStats()).values()) {
          if (stats.type === "inbound-rtp") frames += (stats.framesDecoded ?? 0) + (stats.totalSamplesReceived ?? 0) - (stats.concealedSamples ?? 0);
        }
        return frames;
      }
    });
    return playing === 0 || `${playing} still play`;
  });
  assert.equal(await people.data(ben.page, "tile-remote", "state"), "unsafe");
  // The way out of Ben's device is not touched by that.
  await until("Ana sees Ben", async () => isPictureOf(BEN, await quartersShown(ana.page)));
});

/** Ana's browser is sound; in Ben's, `sort` takes transforms and ignores them. */
async function callWith(t, server, sort) {
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await ben.page.evaluateOnNewDocument((name) => {
    globalThis.parts = [];
    const transforms = new WeakMap();
    Object.defineProperty(globalThis[name].prototype, "transform", {
      get() {
        return transforms.get(this) ?? null;
      },
      set(transform) {
        globalThis.parts.push(this);
        transforms.set(this, transform);
      },
    });
  }, sort);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  return { ana, ben };
}

function banner(page) {
  return people.data(page, "banner", "banner").catch(() => null);
}
