// A call between Chromium and `headless`, a participant without a screen.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN, cameraFile, isPictureOf, isToneOf, microphoneFile, quartersShown, toneHeard } from "./fake_media.js";
import * as people from "./people.js";
import { BIN_DIR, later, scratch } from "./places.js";
import { until } from "./until.js";

test("chromium asks a participant without a screen in", { timeout: 180_000 }, async (t) => {
  const server = await sharedServer();
  const ana = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);

  const folder = scratch(t);
  const video = join(folder, "picture.ivf");
  const audio = join(folder, "sound.ogg");
  encode("-stream_loop", "9", "-i", cameraFile(folder, BEN), "-c:v", "libvpx", "-b:v", "500k", "-g", "30", video);
  encode("-i", microphoneFile(folder, BEN), "-c:a", "libopus", "-b:a", "32k", "-vbr", "off", "-frame_duration", "20", audio);
  const ben = startHeadless(t, link, ["--video", video, "--audio", audio, "--name", "Ben", "--chat", "Hello from nowhere"]);

  await until("the counsellor reads the name", async () => {
    const waits = await ana.page.$(people.byId("waiting-name"));
    return waits !== null && (await people.read(ana.page, "waiting-name")) === "Ben";
  });
  await people.admit(ana.page);
  await people.inCall(ana.page);
  await until("Ana sees the film", async () => isPictureOf(BEN, await quartersShown(ana.page)));
  await until("Ana hears the tone", async () => isToneOf(BEN, await toneHeard(ana.page)));
  await people.reads(ana.page, "Hello from nowhere");
  await people.write(ana.page, "Hello Ben");
  await until("Ben reads", () => ben.events.some((event) => event.event === "chat" && event.text === "Hello Ben"));
  await until("Ben opens what Ana sends", () => {
    const media = ben.events.findLast((event) => event.event === "media");
    return (media?.opened_audio > 10 && media?.opened_video > 10) || JSON.stringify(media);
  });
  assert.equal(ben.events.findLast((event) => event.event === "media").not_opened, 0, "every frame can be opened");
  await people.pressAndConfirm(ana.page, "end-for-both");
  await until("Ben is told that it is over", () => ben.events.some((event) => event.event === "ended"));
});

function startHeadless(t, link, flags) {
  const child = spawn(join(BIN_DIR, "headless"), ["join", ...flags], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(link);
  const events = [];
  createInterface({ input: child.stdout }).on("line", (line) => events.push(JSON.parse(line)));
  later(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return { events };
}

function encode(...arguments_) {
  execFileSync("ffmpeg", ["-nostdin", "-loglevel", "error", "-y", ...arguments_]);
}
