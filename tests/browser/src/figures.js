// Figures that only a browser can measure, as JSON lines: {"name": …, "value": …}.
//
// A small runner of its own, so that the numbers are taken from the same pages, by the same
// steps, as in the tests.
import { chromium } from "./browsers.js";
import { ANA, BEN } from "./fake_media.js";
import { interactionsToPreview, slowLoads, watchLoad } from "./figures_page.js";
import { pressExit, rememberDevices } from "./leaving.js";
import * as people from "./people.js";
import { attendeeReloads, callOverLines, counsellorReloads, outage, serverRestarts } from "./returning.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const JOINS = 10;
const LINES = 10;
const RELOADS = 5;

function tell(name, value) {
  process.stdout.write(`${JSON.stringify({ name, value })}\n`);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Joining, chat, and the way out. */
async function measureCalls(t) {
  const server = await Server.start(t);
  const anaBrowser = await chromium(t, ANA);
  const benBrowser = await chromium(t, BEN);
  const ana = await people.openPage(anaBrowser, server.origin);
  await people.setUp(ana.page, server);

  tell("join_page_brotli_kb", (await joinPageBytes(benBrowser, server)) / 1000);

  const joins = [];
  let foreign = 0;
  let roundTrips = [];
  for (let n = 0; n < JOINS; n += 1) {
    const link = await people.makeRoom(ana.page, `Session ${n}`);
    await people.openWaitingRoom(ana.page);
    const ben = await people.openPage(benBrowser, server.origin);
    await rememberDevices(ben.page);
    await people.knock(ben.page, link, "Ben");
    await people.admit(ana.page);
    const drawn = await Promise.all([ana, ben].map(({ page }) => firstFrameAt(page)));
    const admitted = Number(await people.data(ana.page, "call-view", "admit-at"));
    joins.push(Math.max(...drawn) - admitted);
    if (n === JOINS - 1) roundTrips = await chat(ana.page);
    if (n === JOINS - 1) await leaveAtOnce(ben);
    await people.pressAndConfirm(ana.page, "end-for-both");
    foreign += ben.witness.foreign.length;
    await ben.page.close();
    await people.sees(ana.page, "ended-view");
    await ana.page.goto(people.withLanguage(`${server.origin}/`, "en"));
    await people.sees(ana.page, "desk-view");
  }
  foreign += ana.witness.foreign.length;
  tell("admit_to_first_frame_ms", median(joins));
  tell("chat_round_trip_ms", median(roundTrips));
  tell("foreign_requests", foreign);
}

/** The quick exit: parts still seen in the next frame, and devices that still work. */
async function leaveAtOnce({ page, witness }) {
  witness.allow("https://");
  await page.setRequestInterception(true);
  // The other page never comes: ours is looked at.
  page.on("request", (request) => void (request.isNavigationRequest() ? undefined : request.continue()));
  const left = await pressExit(page);
  if (!left.inCall || left.taken < 2) throw new Error("there was nothing to leave");
  tell("quick_exit_seen_next_frame", left.seen.length + (left.words === "" ? 0 : 1));
  tell("quick_exit_devices_on", left.live.length + left.playing);
}

/** The join page on a slow line, and what it asks of somebody. */
async function measureJoinPage(t) {
  const server = await Server.start(t);
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  const { paint, interactive } = await slowLoads(await chromium(t, BEN), server, link);
  tell("join_first_paint_ms", paint);
  tell("join_interactive_ms", interactive);
  tell("join_interactions_to_preview", await interactionsToPreview(t, server, link));
}

/** Coming back. */
async function measureReturns(t) {
  const call = await callOverLines(t);
  for (const { page } of [call.ana, call.ben]) page.on("dialog", (dialog) => dialog.accept());
  tell("outage_15_s_back_ms", await outage([call.ana, call.ben], call.ben, 15));
  tell("attendee_reload_back_ms", await usual(() => attendeeReloads(call)));
  tell("counsellor_reload_back_ms", await usual(() => counsellorReloads(call)));
  tell("server_restart_back_ms", await serverRestarts(call));
}

/** The median of a few. */
async function usual(measureOnce) {
  const times = [];
  for (let n = 0; n < RELOADS; n += 1) times.push(await measureOnce());
  return median(times);
}

function firstFrameAt(page) {
  return until("the first frame is drawn", async () => {
    const at = await people.data(page, "call-view", "first-frame-at").catch(() => null);
    return at === null || at === "" ? null : Number(at);
  });
}

/** Milliseconds from pressing send until the server took it, for some lines. */
async function chat(page) {
  for (let n = 0; n < LINES; n += 1) await people.write(page, `Line ${n}`);
  return until("every line has its time", async () => {
    const times = await page.$$eval(people.byId("chat-message"), (lines) =>
      lines.filter((line) => line.dataset.own === "true").map((line) => Number(line.dataset.roundTripMs)),
    );
    return times.length >= LINES && times.every((time) => time > 0) ? times : null;
  });
}

/** Bytes over the line for the join page: whatever is asked for before it is there. */
async function joinPageBytes(browser, server) {
  const { page } = await people.openPage(browser, server.origin);
  await page.evaluateOnNewDocument(watchLoad, people.byId("join-continue"));
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  const asked = new Map();
  const bytes = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, wallTime }) => asked.set(requestId, wallTime * 1000));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength));
  // Any well-formed link shows the page; whether it is known is asked later.
  const link = `${server.origin}/j#1.${"A".repeat(43)}.${"A".repeat(22)}`;
  await page.goto(people.withLanguage(link, "en"), { waitUntil: "networkidle0" });
  await people.sees(page, "join-view");
  const there = await page.evaluate(() => performance.timeOrigin + globalThis.load.ready);
  await page.close();
  return [...bytes].filter(([id]) => asked.get(id) <= there).reduce((sum, [, length]) => sum + length, 0);
}

// Each with browsers and a server of its own, and the machine for itself.
for (const measure of [measureCalls, measureJoinPage, measureReturns]) {
  // What a test gives to our steps: a name, and a place for what is undone at the end.
  const undo = [];
  try {
    await measure({ name: `figures-${measure.name}`, after: (action) => undo.push(action) });
  } finally {
    for (const action of undo) await action();
  }
}
