import { afterEach, expect, test, vi } from "vitest";

import { LocalMedia } from "./local.svelte";

interface FakeTrack extends MediaStreamTrack {
  stopped: boolean;
}

function track(kind: "audio" | "video"): FakeTrack {
  const made = { kind, stopped: false, stop: (): void => void (made.stopped = true), enabled: true, onended: null, contentHint: "" };
  return made as unknown as FakeTrack;
}

/** A browser that answers only when it is told to. */
function slowBrowser(...tracks: MediaStreamTrack[]): () => void {
  let answer = (): void => undefined;
  const stream = { getTracks: () => tracks };
  const getUserMedia = (): Promise<unknown> =>
    new Promise((resolve) => {
      answer = () => {
        resolve(stream);
      };
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return () => {
    answer();
  };
}

afterEach(() => vi.unstubAllGlobals());

test("both devices are on when the browser gave them", async () => {
  const answer = slowBrowser(track("audio"), track("video"));
  const media = new LocalMedia();
  const asked = media.askForBoth();
  answer();
  await asked;
  expect([media.microphoneOn, media.cameraOn]).toEqual([true, true]);
});

test("who went on without a camera while the browser still asked stays without", async () => {
  const camera = track("video");
  const answer = slowBrowser(track("audio"), camera);
  const media = new LocalMedia();
  const asked = media.askForBoth();
  await media.set("camera", false);
  answer();
  await asked;
  expect(camera.stopped).toBe(true);
  expect([media.camera, media.cameraOn, media.microphoneOn]).toEqual([null, false, true]);
});

test("who left while the browser still asked leaves no device open", async () => {
  const tracks = [track("audio"), track("video")];
  const answer = slowBrowser(...tracks);
  const media = new LocalMedia();
  const asked = media.askForBoth();
  media.stop();
  answer();
  await asked;
  for (const one of tracks) expect(one.stopped).toBe(true);
  expect([media.microphone, media.camera]).toEqual([null, null]);
});
