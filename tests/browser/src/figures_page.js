// How long somebody with a slow line and a slow telephone looks at nothing, and how many times
// they have to do something until they see themselves.
import { ANA } from "./fake_media.js";
import { chromium } from "./browsers.js";
import * as people from "./people.js";
import { until } from "./until.js";

/** 1.6 Mbit/s down, 0.75 up, 300 ms there and back, a quarter of this processor. */
const SLOW_LINE = { offline: false, latency: 300, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const SLOWER_BY = 4;
const LOADS = 3;

/** A page is interactive when nothing has held it up for this long (Lighthouse's definition). */
const QUIET_MS = 5000;

/** First contentful paint and time to interactive of the join page: medians, in milliseconds. */
export async function slowLoads(browser, server, link) {
  const loads = [];
  for (let n = 0; n < LOADS; n += 1) loads.push(await slowLoad(browser, server, link));
  const middle = (name) => loads.map((load) => load[name]).sort((a, b) => a - b)[Math.floor(LOADS / 2)];
  return { paint: middle("paint"), interactive: middle("interactive") };
}

async function slowLoad(browser, server, link) {
  const { page } = await people.openPage(browser, server.origin);
  await page.evaluateOnNewDocument(watchLoad, people.byId("join-continue"));
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", SLOW_LINE);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER_BY });
  await page.goto(people.withLanguage(link, "en"), { waitUntil: "domcontentloaded" });
  const load = await until("the page has come to rest", () =>
    page.evaluate((quiet) => {
      const { paint, ready, busyUntil } = globalThis.load;
      const rested = paint !== null && ready !== null && performance.now() - Math.max(ready, busyUntil) > quiet;
      return rested ? { paint, interactive: Math.max(paint, ready, busyUntil) } : null;
    }, QUIET_MS).catch(() => null),
  );
  await page.close();
  return load;
}

/** Runs in the page: when it painted, when its first button was there, when it was last busy. */
export function watchLoad(button) {
  globalThis.load = { paint: null, ready: null, busyUntil: 0 };
  const { load } = globalThis;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) load.paint = entry.startTime;
  }).observe({ type: "paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) load.busyUntil = Math.max(load.busyUntil, entry.startTime + entry.duration);
  }).observe({ type: "longtask", buffered: true });
  new MutationObserver((_, observer) => {
    if (document.querySelector(button) === null) return;
    load.ready = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
}

/** What somebody does from the open link to their own picture: each press and each field is one. */
export async function interactionsToPreview(t, server, link) {
  const { page } = await people.openPage(await chromium(t, ANA), server.origin);
  let done = 0;
  await page.goto(people.withLanguage(link, "en"));
  await people.sees(page, "join-view");
  await people.fill(page, "join-name", "Ben");
  done += 1;
  await people.press(page, "join-continue");
  done += 1;
  await until("they see themselves", () =>
    page.evaluate((selector) => {
      const preview = document.querySelector(selector);
      const video = preview?.localName === "video" ? preview : preview?.querySelector("video");
      return (video?.videoWidth ?? 0) > 0;
    }, people.byId("devices-preview")),
  );
  await page.close();
  return done;
}
