// Coming back into a call, and how long it takes until the other person's picture moves again.
import { ANA, BEN } from "./fake_media.js";
import { chromium } from "./browsers.js";
import { Line } from "./line.js";
import * as people from "./people.js";
import { Server } from "./server.js";
import { until } from "./until.js";

/** Two people in a call, each with a line of their own that can be cut. */
export async function callOverLines(t, browsers = [chromium, chromium]) {
  const lines = await Promise.all([Line.open(t), Line.open(t)]);
  const server = await Server.start(t, { lines });
  const [ana, ben] = await Promise.all(
    [ANA, BEN].map(async (person, n) => ({ ...(await people.openPage(await browsers[n](t, person), lines[n].origin)), line: lines[n] })),
  );
  server.setupLink = ana.line.by(server.setupLink);
  await people.setUp(ana.page, server);
  const link = ben.line.by(await people.makeRoom(ana.page));
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([ana, ben].map(({ page }) => people.inCall(page)));
  await Promise.all([ana, ben].map(({ page }) => until("the picture moves", () => isMoving(page))));
  return { server, ana, ben, link };
}

/** Pictures drawn of the other person since this was first asked; 0 without a tile. */
function picturesDrawn(page) {
  return page.evaluate(() => {
    const video = document.querySelector("[data-testid=tile-remote] [data-testid=tile-video]");
    if (video === null) return 0;
    globalThis.drawn ??= new WeakMap();
    if (!globalThis.drawn.has(video)) {
      globalThis.drawn.set(video, 0);
      const count = () => {
        globalThis.drawn.set(video, globalThis.drawn.get(video) + 1);
        video.requestVideoFrameCallback(count);
      };
      video.requestVideoFrameCallback(count);
    }
    return globalThis.drawn.get(video);
  }).catch(() => 0);
}

async function isMoving(page) {
  const before = await picturesDrawn(page);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const after = await picturesDrawn(page);
  return after > before || `${before} then ${after} pictures`;
}

/** Milliseconds from `since` until new pictures are drawn on every page. */
export async function movesAgain(pages, since, patience = 60_000) {
  const times = pages.map(async (page) => {
    const first = await picturesDrawn(page);
    await until("the picture moves again", async () => {
      const now = await picturesDrawn(page);
      return (now !== 0 && now !== first) || `${now} pictures`;
    }, patience);
    return performance.now() - since;
  });
  return Math.max(...(await Promise.all(times)));
}

/** Cuts `person`'s line for a while; milliseconds from its mending until both see each other. */
export async function outage(people_, person, seconds) {
  person.line.cut();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const stood = await Promise.all(people_.map(({ page }) => picturesDrawn(page)));
  await until("nothing arrives while the line is cut", async () => {
    const now = await Promise.all(people_.map(({ page }) => picturesDrawn(page)));
    return now.every((count, n) => count === stood[n] || count === 0);
  });
  person.line.mend();
  return movesAgain(people_.map(({ page }) => page), performance.now());
}

/** The counsellor loads her page anew; milliseconds until both see each other. */
export async function counsellorReloads({ ana, ben }) {
  const since = performance.now();
  await ana.page.reload();
  const back = movesAgain([ana.page, ben.page], since);
  await people.press(ana.page, "desk-open-item");
  await people.press(ana.page, "room-open");
  return back;
}

/** The person counselled loads the page anew and opens the link again. */
export async function attendeeReloads({ ana, ben, link }) {
  const since = performance.now();
  await ben.page.reload();
  const back = movesAgain([ana.page, ben.page], since);
  await people.knockAgain(ben.page, link, "Ben");
  return back;
}

/** The server stops and starts; milliseconds from its being ready until both see each other. */
export async function serverRestarts({ server, ana, ben }) {
  await server.stop();
  await until("both pages say so", async () => {
    const banners = await Promise.all([ana, ben].map(({ page }) => page.$(people.byId("banner"))));
    return banners.every((banner) => banner !== null);
  });
  await server.run();
  return movesAgain([ana.page, ben.page], performance.now());
}
