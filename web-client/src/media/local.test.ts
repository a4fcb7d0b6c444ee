import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { LocalMedia } from "./local.svelte";

interface FakeTrack extends MediaStreamTrack {
  stopped: boolean;
  muted: boolean;
  readyState: "live" | "ended";
}

function track(kind: "audio" | "video", label = "", deviceId = label): FakeTrack {
  const made = {
    kind,
    label,
    stopped: false,
    muted: false,
    readyState: "live",
    stop: (): void => void (made.stopped = true),
    getSettings: () => ({ deviceId }),
    enabled: true,
    onended: null,
    onmute: null,
    onunmute: null,
    contentHint: "",
  };
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

/** A browser with devices that can be plugged, unplugged and taken away. */
class Browser {
  microphones = ["Built-in"];
  cameras = ["Front"];
  busy = false;
  denied = false;
  given: FakeTrack[] = [];
  readonly devices = new EventTarget();
  readonly page = Object.assign(new EventTarget(), { visibilityState: "visible" });

  constructor() {
    const mediaDevices = Object.assign(this.devices, {
      getUserMedia: (wish: { audio?: MediaTrackConstraints; video?: MediaTrackConstraints }) => this.give(wish),
      enumerateDevices: () => Promise.resolve([...this.list("audioinput", this.microphones), ...this.list("videoinput", this.cameras)]),
    });
    vi.stubGlobal("navigator", { mediaDevices });
    vi.stubGlobal("document", this.page);
    vi.stubGlobal("addEventListener", () => undefined);
    vi.stubGlobal("removeEventListener", () => undefined);
  }

  plug(): void {
    this.devices.dispatchEvent(new Event("devicechange"));
  }

  end(one: FakeTrack | null): void {
    if (one === null) return;
    one.readyState = "ended";
    one.onended?.(new Event("ended"));
  }

  silence(one: FakeTrack | null, muted: boolean): void {
    if (one === null) return;
    one.muted = muted;
    if (muted) one.onmute?.(new Event("mute"));
    else one.onunmute?.(new Event("unmute"));
  }

  private list(kind: string, names: string[]): { kind: string; deviceId: string; label: string }[] {
    return ["default", ...names].map((label) => ({ kind, deviceId: label, label }));
  }

  private give(wish: { audio?: MediaTrackConstraints; video?: MediaTrackConstraints }): Promise<unknown> {
    if (this.denied) return Promise.reject(new DOMException("", "NotAllowedError"));
    if (this.busy) return Promise.reject(new DOMException("", "NotReadableError"));
    const tracks: FakeTrack[] = [];
    for (const [kind, names] of [["audio", this.microphones], ["video", this.cameras]] as const) {
      const wanted = wish[kind];
      if (wanted === undefined) continue;
      const exact = (wanted.deviceId as { exact?: string } | undefined)?.exact;
      const name = exact === undefined ? names.at(-1) : names.find((one) => one === exact);
      if (name === undefined) return Promise.reject(new DOMException("", "OverconstrainedError"));
      tracks.push(track(kind, name));
    }
    this.given.push(...tracks);
    return Promise.resolve({ getTracks: () => tracks });
  }
}

async function calling(browser: Browser): Promise<LocalMedia> {
  const media = new LocalMedia();
  media.attend();
  await media.askForBoth();
  browser.plug();
  await vi.waitFor(() => {
    expect(media.devices.microphones.length).toBeGreaterThan(0);
  });
  return media;
}

const microphoneOf = (media: LocalMedia): FakeTrack | null => media.microphone as FakeTrack | null;

beforeEach(() => {
  vi.useRealTimers();
});
/** A browser that notes what it is asked for. */
function noting(): { asked: string[]; given: FakeTrack[] } {
  const asked: string[] = [];
  const given: FakeTrack[] = [];
  const getUserMedia = (wish: { audio?: unknown; video?: unknown }): Promise<unknown> => {
    asked.push(Object.keys(wish).sort().join("+"));
    const made = [...(wish.audio === undefined ? [] : [track("audio")]), ...(wish.video === undefined ? [] : [track("video")])];
    given.push(...made);
    return Promise.resolve({ getTracks: () => made });
  };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: () => Promise.resolve([]), getDisplayMedia: () => Promise.reject(new Error("nobody was to be asked")) } });
  return { asked, given };
}

test("a veil that was asked for is before the picture whatever happens: no clear track goes out", async () => {
  const { given } = noting();
  let paint = (): void => undefined;
  let breaks = (): void => undefined;
  const veiled = { stop: (): void => undefined, track: track("video", "veiled") };
  const media = new LocalMedia((_, painted, failed) => {
    [paint, breaks] = [painted, failed];
    return veiled;
  });
  const out: (string | null)[] = [];
  media.onChange = (kind) => {
    if (kind === "camera") out.push(media.outgoing("camera")?.label ?? null);
  };
  media.setVeil(true);
  await media.set("camera", true);
  expect([media.outgoing("camera"), media.isOn("camera")]).toEqual([null, false]);
  paint();
  expect([media.outgoing("camera")?.label, media.isOn("camera")]).toEqual(["veiled", true]);
  // Off and on again, another device, and a fault.
  await media.set("camera", false);
  await media.set("camera", true);
  paint();
  await media.choose("camera", "other");
  expect(media.outgoing("camera")).toBeNull();
  paint();
  breaks();
  expect([media.veil, media.outgoing("camera"), media.isOn("camera")]).toEqual(["failed", null, false]);
  expect(given.length).toBe(3);
  expect(new Set(out)).toEqual(new Set([null, "veiled"]));
  // The person's own word brings the clear picture back.
  media.setVeil(false);
  expect(media.outgoing("camera")).toBe(given.at(-1));
});

test("an appointment by voice never asks for a camera, nor for a screen, whatever is pressed", async () => {
  const { asked } = noting();
  const media = new LocalMedia();
  media.bound("audio");
  await media.askForBoth();
  await media.set("camera", true);
  await media.share();
  expect(asked).toEqual(["audio"]);
  expect([media.camera, media.screen, media.isOn("camera"), media.microphoneOn]).toEqual([null, null, false, true]);
});

test("an appointment in writing asks for nothing at all", async () => {
  const { asked } = noting();
  const media = new LocalMedia();
  media.bound("text");
  await media.askForBoth();
  await media.set("microphone", true);
  await media.set("camera", true);
  await media.recover();
  expect(asked).toEqual([]);
  expect([media.microphone, media.camera]).toEqual([null, null]);
});

test("what runs beyond the appointment is released, not only muted", async () => {
  const { given } = noting();
  const media = new LocalMedia();
  await media.askForBoth();
  media.bound("audio");
  expect(given.map(({ kind, stopped }) => [kind, stopped])).toEqual([["audio", false], ["video", true]]);
  media.bound("text");
  expect(given.every(({ stopped }) => stopped)).toBe(true);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

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

test("unplugged headphones are replaced by another microphone, and the person is told", async () => {
  const browser = new Browser();
  browser.microphones = ["Built-in", "Headset"];
  const media = await calling(browser);
  expect(media.microphone?.label).toBe("Headset");
  browser.microphones = ["Built-in"];
  browser.end(microphoneOf(media));
  await vi.waitFor(() => {
    expect(media.news).toEqual({ type: "replaced", kind: "microphone", name: "Built-in" });
  });
  expect([media.microphone?.label, media.microphoneOn, media.trouble.microphone]).toEqual(["Built-in", true, null]);
});

test("who was muted stays muted when a device takes another's place", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  await media.set("microphone", false);
  browser.end(microphoneOf(media));
  await vi.waitFor(() => {
    expect(media.news?.type).toBe("replaced");
  });
  expect([media.microphone?.enabled, media.microphoneOn]).toEqual([false, false]);
});

test("without another microphone the person is told, and gets the next one that is plugged in", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  browser.microphones = [];
  browser.end(microphoneOf(media));
  await vi.waitFor(() => {
    expect(media.news).toEqual({ type: "lost", kind: "microphone" });
  });
  expect(media.trouble.microphone).toBe("absent");
  browser.microphones = ["New one"];
  browser.plug();
  await vi.waitFor(() => {
    expect(media.microphone?.label).toBe("New one");
  });
});

test("headphones that are plugged in are offered, and used only when the person says so", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  browser.microphones = ["Built-in", "Headset"];
  browser.plug();
  await vi.waitFor(() => {
    expect(media.news).toEqual({ type: "plugged", kind: "microphone", id: "Headset", name: "Headset" });
  });
  expect(media.microphone?.label).toBe("Built-in");
  await media.choose("microphone", "Headset");
  expect([media.microphone?.label, media.devices.microphone, media.news]).toEqual(["Headset", "Headset", null]);
});

test("a chosen device that went is forgotten for one that is there", async () => {
  const browser = new Browser();
  browser.cameras = ["Front", "Back"];
  const media = await calling(browser);
  browser.cameras = ["Front"];
  await media.choose("camera", "Back");
  expect(media.camera?.label).toBe("Front");
});

test("a telephone call is noticed, and the devices are taken back when the page is seen again", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  vi.useFakeTimers();
  browser.silence(microphoneOf(media), true);
  expect(media.away).toBe(true);
  browser.page.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(2000);
  expect([media.away, microphoneOf(media)?.muted, media.microphoneOn, media.news?.type]).toEqual([false, false, true, "back"]);
});

test("a device that comes back by itself is not asked for again", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  vi.useFakeTimers();
  const { length } = browser.given;
  browser.silence(microphoneOf(media), true);
  browser.page.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(300);
  browser.silence(microphoneOf(media), false);
  await vi.advanceTimersByTimeAsync(5000);
  expect([browser.given.length, media.away]).toEqual([length, false]);
});

test("a camera that a locked screen ended comes back, one that the person turned off does not", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  browser.busy = true;
  browser.end(media.camera as FakeTrack | null);
  await vi.waitFor(() => {
    expect(media.news).toEqual({ type: "lost", kind: "camera" });
  });
  browser.busy = false;
  await media.recover();
  expect(media.cameraOn).toBe(true);
  await media.set("camera", false);
  await media.recover();
  expect(media.camera).toBeNull();
});

test("a permission that was taken back is not asked for again by itself", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  browser.denied = true;
  browser.end(media.camera as FakeTrack | null);
  await vi.waitFor(() => {
    expect(media.trouble.camera).toBe("denied");
  });
  browser.denied = false;
  await media.recover();
  expect(media.camera).toBeNull();
});

test("a device that was given up for good is not taken back", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  media.forget("microphone");
  await media.recover();
  expect([media.microphone, media.microphoneOn]).toEqual([null, false]);
});

test("after leaving nothing is taken back", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  media.stop();
  await media.recover();
  expect([media.microphone, media.camera]).toEqual([null, null]);
  expect(browser.given.every(({ stopped }) => stopped)).toBe(true);
});

test("a screen takes the camera's place until it is stopped, by us or by the browser", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  const screens = [track("video", "Window 1"), track("video", "Window 2")];
  const changes: string[] = [];
  media.onChange = (kind) => changes.push(kind);
  Object.assign(navigator.mediaDevices, { getDisplayMedia: () => Promise.resolve({ getVideoTracks: () => screens.splice(0, 1) }) });
  await media.share();
  expect([media.outgoing("camera")?.label, media.isOn("camera")]).toEqual(["Window 1", true]);
  media.screen?.onended?.(new Event("ended"));
  expect(media.outgoing("camera")?.label).toBe("Front");
  await media.set("camera", false);
  await media.share();
  expect([media.outgoing("camera")?.label, media.isOn("camera")]).toEqual(["Window 2", true]);
  media.unshare();
  expect([media.outgoing("camera"), media.isOn("camera")]).toEqual([null, false]);
  expect(changes.length).toBe(5);
});

test("who chose no window shares nothing", async () => {
  const browser = new Browser();
  const media = await calling(browser);
  Object.assign(navigator.mediaDevices, { getDisplayMedia: () => Promise.reject(new DOMException("", "NotAllowedError")) });
  await media.share();
  expect(media.screen).toBeNull();
});

/** A camera of a browser that can blur: it does, once it was asked to. */
function blurs(one: FakeTrack): FakeTrack {
  const settings = { backgroundBlur: false };
  return Object.assign(one, {
    getCapabilities: () => ({ backgroundBlur: [false, true] }),
    getSettings: () => settings,
    applyConstraints: ({ backgroundBlur }: { backgroundBlur?: boolean }) => Promise.resolve(void (settings.backgroundBlur = backgroundBlur === true)),
  });
}

/** A page with a camera that blurs, and a veil that is drawn at once when it is told to. */
async function blurring(): Promise<{ media: LocalMedia; settled: () => Promise<string | null> }> {
  let paint = (): void => undefined;
  const getUserMedia = (): Promise<unknown> => Promise.resolve({ getTracks: () => [blurs(track("video", "camera"))] });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: () => Promise.resolve([]) } });
  const media = new LocalMedia((_, painted) => {
    paint = painted;
    return { stop: (): void => undefined, track: track("video", "veiled") };
  });
  await media.set("camera", true);
  const settled = async (): Promise<string | null> => {
    await vi.waitFor(() => { expect(media.blur).toBe(true); });
    await Promise.resolve();
    paint();
    return media.outgoing("camera")?.label ?? null;
  };
  return { media, settled };
}

test("a blur that comes lifts the veil that stood in for it", async () => {
  const { media, settled } = await blurring();
  const on = media.setBlur(true);
  expect([media.veiled, media.outgoing("camera")]).toEqual([true, null]);
  await on;
  expect([media.veiled, await settled()]).toEqual([false, "camera"]);
  // And so on another camera.
  await media.choose("camera", "other");
  expect([await settled(), media.veiled]).toEqual(["camera", false]);
});

test("a blur that comes does not lift a veil that the person asked for, in whichever order and on whichever camera", async () => {
  for (const first of ["veil", "blur"] as const) {
    const { media, settled } = await blurring();
    const out: (string | null)[] = [];
    if (first === "veil") media.setVeil(true);
    await media.setBlur(true);
    if (first === "blur") media.setVeil(true);
    media.onChange = () => out.push(media.outgoing("camera")?.label ?? null);
    expect(await settled()).toBe("veiled");
    await media.choose("camera", "other");
    expect(await settled()).toBe("veiled");
    await media.set("camera", false);
    await media.set("camera", true);
    expect(await settled()).toBe("veiled");
    (media.camera as FakeTrack).readyState = "ended";
    await media.recover();
    expect([await settled(), media.veiled]).toEqual(["veiled", true]);
    expect(out).not.toContain("camera");
    // Their own word lifts it.
    media.setVeil(false);
    expect([media.outgoing("camera")?.label, media.blur]).toEqual(["camera", true]);
  }
});
