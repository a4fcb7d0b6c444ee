// The veil over one's own picture: what the other side gets is no longer the camera's picture, and
// where the veil cannot be drawn the other side gets none at all.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, isPictureOf, quartersShown } from "./fake_media.js";
import * as people from "./people.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

/** The change between two quarters takes this part of the width at most in a clear picture, and at least under the veil. */
const CLEAR_EDGE = 0.015;
const VEILED_EDGE = 0.02;

test("under the veil the other side sees light and colour, and no edges", LONG, async (t) => {
  const { ana, ben } = await together(t);
  await until("Ana sees Ben clearly", async () => {
    const edge = await edgeShown(ana.page);
    return (edge !== null && edge < CLEAR_EDGE && isPictureOf(BEN, await quartersShown(ana.page)) === true) || `edge: ${edge}`;
  });
  await veil(ben.page);
  await until("the veil is drawn", async () => (await people.data(ben.page, "veil", "veil")) === "on");
  await until("Ana sees no edges any more", async () => {
    const edge = await edgeShown(ana.page);
    return (edge !== null && edge > VEILED_EDGE) || `edge: ${edge}`;
  });
  await until("and yet light and colour are Ben's", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  assert.deepEqual(await cameraTracksSent(ben.page), ["camera", "canvas"], "never the camera again after the veil");
  await people.press(ben.page, "veil");
  await until("Ana sees Ben clearly again", async () => {
    const edge = await edgeShown(ana.page);
    return (edge !== null && edge < CLEAR_EDGE) || `edge: ${edge}`;
  });
});

test("a veil that cannot be drawn leaves no picture, and says so", LONG, async (t) => {
  const { ana, ben } = await together(t, () => {
    HTMLCanvasElement.prototype.captureStream = () => {
      throw new DOMException("not here", "NotSupportedError");
    };
  });
  await until("Ana sees Ben", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await veil(ben.page);
  await until("Ben is told", async () => (await people.read(ben.page, "veil-word")) !== "");
  assert.equal(await people.data(ben.page, "veil", "veil"), "failed");
  await until("Ana sees that there is no picture", async () => {
    const state = await people.data(ana.page, "tile-remote", "state");
    return state === "camera_off" || `state: ${state}`;
  });
  assert.deepEqual(await cameraTracksSent(ben.page), ["camera"], "nothing was put in its place");
  assert.equal(await lastSent(ben.page), null, "and the camera is not sent");
});

/** Two people in a call; what Ben's page puts on its senders is noted. */
async function together(t, meddle = () => undefined) {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await ben.page.evaluateOnNewDocument(() => {
    globalThis.sent = [];
    const replace = RTCRtpSender.prototype.replaceTrack;
    RTCRtpSender.prototype.replaceTrack = function (track) {
      if ((track ?? this.track)?.kind === "video") {
        globalThis.sent.push(track === null ? null : track instanceof CanvasCaptureMediaStreamTrack ? "canvas" : "camera");
      }
      return replace.call(this, track);
    };
  });
  await ben.page.evaluateOnNewDocument(meddle);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  return { ana, ben };
}

async function veil(page) {
  await people.press(page, "more-open");
  await people.press(page, "more-devices");
  await people.press(page, "veil");
}

/** Which tracks went onto a video sender, one after the other, without repetition and without gaps. */
function cameraTracksSent(page) {
  return page.evaluate(() => globalThis.sent.filter((one) => one !== null).filter((one, n, all) => one !== all[n - 1]));
}

function lastSent(page) {
  return page.evaluate(() => globalThis.sent.at(-1));
}

/** How much of the width the change from one upper quarter to the other takes: from a fifth of it to four fifths. */
function edgeShown(page) {
  return page.evaluate(() => {
    const video = document.querySelector("[data-testid=tile-remote] [data-testid=tile-video]");
    if (video === null || video.videoWidth === 0) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    // Away from the block that moves, and from the lower quarters.
    const { data } = context.getImageData(0, Math.floor(canvas.height / 8), canvas.width, 1);
    const at = (x) => [0, 1, 2].map((c) => data[4 * Math.floor(x) + c]);
    const [first, last] = [at(canvas.width / 8), at((canvas.width * 7) / 8)];
    const far = (one, other) => Math.hypot(...one.map((value, c) => value - other[c]));
    const whole = far(first, last);
    let n = 0;
    for (let x = canvas.width / 4; x < (canvas.width * 3) / 4; x += 1) {
      const part = far(first, at(x)) / whole;
      if (part > 0.2 && part < 0.8) n += 1;
    }
    return n / canvas.width;
  });
}
