// The device test tries the way of sound and picture before anybody is let in: it says that they
// get through where they do, and that the network blocks them where nothing comes back.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";

import { chromium, firefox } from "./browsers.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

/** An address of this machine at which the media port does not listen. */
const ELSEWHERE = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const BROWSERS = [["chromium", (t) => chromium(t, BEN)], ["firefox", firefox]];

for (const [name, open] of BROWSERS) {
  test(`${name} finds the way of sound and picture open`, LONG, async (t) => {
    const { server, link } = await invited(t, {});
    const before = await server.counter("probes_answered");
    const { page } = await people.openPage(await open(t), server.origin);
    await toDevices(page, link);
    await untilReach(page, "works");
    await until("the media port itself answered", async () => (await server.counter("probes_answered")) > before);
    assert.equal(await server.counter("media_peers"), 0, "and nothing is left of it");
    assert.equal(await page.$(people.byId("reach-again")), null, "there is nothing to try again");
    await look(page, `reach-works-${name}`, ["en"]);
  });

  test(`${name} finds the way of sound and picture blocked, and nobody is held up`, LONG, async (t) => {
    assert.ok(ELSEWHERE !== undefined, "these tests need an address besides those of loopback");
    const { server, link, ana } = await invited(t, { media: "127.0.0.1:0", config: `[media]\nadvertise = ["${ELSEWHERE}"]\n` });
    await people.openWaitingRoom(ana.page);
    const { page } = await people.openPage(await open(t), server.origin);
    await toDevices(page, link);
    await untilReach(page, "checking", "blocked");
    assert.equal(await page.$eval(people.byId("join-text-only"), (button) => button.disabled), false, "one can go on meanwhile");
    await untilReach(page, "blocked");
    await people.sees(page, "reach-again");
    await look(page, `reach-blocked-${name}`);
    await people.press(page, "join-no-camera");
    await people.takePart(page, "consent-agree");
    await until("the counsellor sees it too", async () => /do not get through/.test(await people.read(ana.page, "waiting-check").catch(() => "")));
  });
}

async function invited(t, options) {
  const server = await Server.start(t, options);
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  return { server, ana, link };
}

async function toDevices(page, link) {
  await page.goto(people.withLanguage(link, "en"));
  await people.toDevices(page, "Ben");
}

function untilReach(page, ...wanted) {
  return until(`the way of sound and picture is ${wanted.join(" or ")}`, async () => {
    const found = await people.data(page, "reach-check", "reach").catch(() => "not there");
    return wanted.includes(found) || found;
  });
}
