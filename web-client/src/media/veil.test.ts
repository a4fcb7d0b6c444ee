import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { MakePainter } from "./veil";
import { fitted, Veil, VEIL_PATIENCE_MS } from "./veil";

const CAMERA = { id: "camera" } as MediaStreamTrack;

interface Hand {
  make: MakePainter;
  painted: () => void;
  failed: () => void;
  stopped: number;
  track: MediaStreamTrack;
}

/** A painter that does what the test says. */
function hand(): Hand {
  const one: Hand = {
    make: (_, painted, failed) => {
      one.painted = painted;
      one.failed = failed;
      one.track = { id: "veiled" } as MediaStreamTrack;
      return { track: one.track, stop: () => void (one.stopped += 1) };
    },
    painted: () => undefined,
    failed: () => undefined,
    stopped: 0,
    track: CAMERA,
  };
  return one;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the veil", () => {
  it("gives nothing out before it has drawn, then what it draws, then nothing", () => {
    const painter = hand();
    const seen: (MediaStreamTrack | null)[] = [];
    const veil: Veil = new Veil(() => seen.push(veil.track), painter.make);
    veil.start(CAMERA);
    expect([veil.state, veil.track]).toEqual(["starting", null]);
    painter.painted();
    expect([veil.state, veil.track]).toEqual(["on", painter.track]);
    veil.stop();
    expect([veil.state, veil.track, painter.stopped]).toEqual(["off", null, 1]);
    expect(seen).toEqual([null, painter.track, null]);
    expect(seen).not.toContain(CAMERA);
  });

  it("is failed, and gives nothing out, when it breaks while it is on", () => {
    const painter = hand();
    const veil = new Veil(() => undefined, painter.make);
    veil.start(CAMERA);
    painter.painted();
    painter.failed();
    expect([veil.state, veil.track, painter.stopped]).toEqual(["failed", null, 1]);
    painter.painted();
    expect([veil.state, veil.track]).toEqual(["failed", null]);
  });

  it("is failed when it cannot begin, at once or in time", () => {
    const cannot = new Veil(
      () => undefined,
      () => {
        throw new Error("no canvas");
      },
    );
    cannot.start(CAMERA);
    expect([cannot.state, cannot.track]).toEqual(["failed", null]);
    const painter = hand();
    const slow = new Veil(() => undefined, painter.make);
    slow.start(CAMERA);
    vi.advanceTimersByTime(VEIL_PATIENCE_MS);
    expect([slow.state, slow.track, painter.stopped]).toEqual(["failed", null, 1]);
  });

  it("does not hear what the painter of another camera says", () => {
    const painter = hand();
    const veil = new Veil(() => undefined, painter.make);
    veil.start(CAMERA);
    const late = { painted: painter.painted, failed: painter.failed };
    veil.start(CAMERA);
    late.painted();
    expect(veil.state).toBe("starting");
    late.failed();
    expect(veil.state).toBe("starting");
    painter.painted();
    expect(veil.state).toBe("on");
    vi.advanceTimersByTime(10 * VEIL_PATIENCE_MS);
    expect(veil.state).toBe("on");
  });

  it("keeps the shape of the picture", () => {
    expect(fitted(640, 360, 320)).toEqual([320, 180]);
    expect(fitted(360, 640, 20)).toEqual([11, 20]);
    expect(fitted(0, 0, 20)).toEqual([1, 1]);
  });
});
