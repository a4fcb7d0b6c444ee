// Chromium and Firefox with known fake devices, through one driver.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

import { cameraFile, microphoneFile } from "./fake_media.js";
import { artefact, fileName, later, scratch } from "./places.js";
import { assertAllClean } from "./witness.js";

/** What Firefox's fake microphone sounds like, as its preference says; its picture changes colour. */
export const FIREFOX_TONE = 1000;

const QUIET = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-domain-reliability",
  "--disable-client-side-phishing-detection",
  "--disable-features=MediaRouter,OptimizationHints,Translate",
  "--autoplay-policy=no-user-gesture-required",
];

/**
 * Chromium whose camera and microphone give what `person` shows and sounds like.  `devices`
 * may be "granted" (no question), "denied" or "absent".
 */
export async function chromium(t, person, devices = "granted") {
  const folder = scratch(t);
  mkdirSync(join(folder, "profile"));
  const media = {
    granted: [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${cameraFile(folder, person)}`,
      `--use-file-for-fake-audio-capture=${microphoneFile(folder, person)}`,
    ],
    denied: ["--use-fake-device-for-media-stream", "--deny-permission-prompts"],
    absent: ["--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream"],
  }[devices];
  const browser = await puppeteer.launch({
    browser: "chrome",
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [...QUIET, ...media],
    userDataDir: join(folder, "profile"),
    defaultViewport: { width: 1280, height: 800 },
    protocolTimeout: 60_000,
  });
  later(t, () => close(t, browser, "chromium"));
  return browser;
}

/** Firefox ESR with its own fake devices. */
export async function firefox(t) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    defaultViewport: { width: 1280, height: 800 },
    protocolTimeout: 60_000,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.audio.fake_frequency": FIREFOX_TONE,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0,
      "media.gmp-manager.updateEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
    },
  });
  later(t, () => close(t, browser, "firefox"));
  return browser;
}

/** Asks what the pages did, unless each visit did; a picture of each is there for who asks why. */
async function close(t, browser, name) {
  await keepPictures(t, browser.browserContexts(), `${name}-${browser.process().pid}`);
  await browser.close();
  if (t.visits !== true) assertAllClean(browser);
}

/** One test's use of a browser that others use as well: its own storage, windows and witnesses. */
export class Visit {
  #browser;
  #contexts = [];

  static begin(t, browser, name) {
    const visit = new Visit();
    visit.#browser = browser;
    later(t, async () => {
      await keepPictures(t, visit.#contexts, name);
      await Promise.all(visit.#contexts.map((context) => context.close()));
      for (const context of visit.#contexts) assertAllClean(context);
    });
    return visit;
  }

  async createBrowserContext() {
    const context = await this.#browser.createBrowserContext();
    this.#contexts.push(context);
    return context;
  }
}

/** A picture of each page at the end of a test that failed. */
async function keepPictures(t, contexts, name) {
  if (t.error === null) return;
  const pages = await Promise.all(contexts.map((context) => context.pages().catch(() => [])));
  for (const [n, page] of pages.flat().entries()) {
    if (page.url() === "about:blank") continue;
    const path = artefact(`end-${fileName(t)}-${name}-${n}.png`);
    await page.screenshot({ path }).catch(() => undefined);
  }
}
