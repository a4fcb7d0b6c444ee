import { afterEach, expect, test, vi } from "vitest";

import { AgreedMedia } from "./agreed_media.svelte";

function browser(): { asked: unknown[]; tracks: { kind: string; readyState: string }[] } {
  const asked: unknown[] = [];
  const tracks: { kind: string; readyState: string }[] = [];
  const make = (kind: string): object => {
    const track = { kind, readyState: "live", enabled: true, contentHint: "", label: "", muted: false, getSettings: () => ({}), getCapabilities: () => ({}), stop: (): void => void (track.readyState = "ended") };
    tracks.push(track);
    return track;
  };
  const getUserMedia = (wanted: { video?: unknown; audio?: unknown }): Promise<unknown> => {
    asked.push(Object.keys(wanted).filter((key) => wanted[key as "video" | "audio"] !== undefined).sort().join("+"));
    const made = [...(wanted.audio === undefined ? [] : [make("audio")]), ...(wanted.video === undefined ? [] : [make("video")])];
    return Promise.resolve({ getTracks: () => made });
  };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return { asked, tracks };
}

afterEach(() => vi.unstubAllGlobals());

test("a camera that was not agreed to never starts, whatever is pressed", async () => {
  const { asked } = browser();
  const media = new AgreedMedia();
  media.allow({ camera: false, microphone: true });
  await media.askForBoth();
  await media.set("camera", true);
  expect(asked).toEqual(["audio"]);
  expect([media.camera, media.withheld]).toEqual([null, "camera"]);
  await media.set("microphone", false);
  expect(media.withheld).toBeNull();
});

test("a screen is a picture too: it is not shared without a yes to one", async () => {
  browser();
  const asked = vi.fn(() => Promise.reject(new DOMException("no", "NotAllowedError")));
  vi.stubGlobal("navigator", { mediaDevices: { getDisplayMedia: asked } });
  const media = new AgreedMedia();
  media.allow({ camera: false, microphone: true });
  await media.share();
  expect(asked).not.toHaveBeenCalled();
  media.allow({ camera: true, microphone: true });
  await media.share();
  expect(asked).toHaveBeenCalledTimes(1);
});

test("who takes back their yes leaves no device open", async () => {
  const { tracks } = browser();
  const media = new AgreedMedia();
  await media.askForBoth();
  media.allow({ camera: false, microphone: false });
  expect(tracks.map(({ readyState }) => readyState)).toEqual(["ended", "ended"]);
  await media.set("microphone", true);
  expect([media.microphone, media.microphoneOn]).toEqual([null, false]);
});
