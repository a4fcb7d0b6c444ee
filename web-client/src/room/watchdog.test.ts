import { describe, expect, it } from "vitest";

import type { Watch, Work } from "./watchdog";
import { watch } from "./watchdog";

const NAME = "camera";

/** Alarms after each second. */
function run(direction: Work["direction"], seconds: [codec: number, vault: number][]): string[][] {
  let before: Watch = new Map();
  return seconds.map(([codec, vault]) => {
    const { watch: after, alarms } = watch(before, [{ name: NAME, direction, codec, vault }]);
    before = after;
    return alarms;
  });
}

describe("watchdog", () => {
  it("is quiet while codec and vault work together", () => {
    expect(run("seal", [[30, 30], [60, 61], [90, 90]])).toEqual([[], [], []]);
    expect(run("open", [[30, 31], [60, 60], [90, 95]])).toEqual([[], [], []]);
  });

  it("stops an encoder whose frames the sealer never saw, within the second", () => {
    expect(run("seal", [[30, 0]])).toEqual([[NAME]]);
  });

  it("does not take a few frames on their way for a bypass", () => {
    expect(run("seal", [[2, 0], [32, 30]])).toEqual([[], []]);
  });

  it("gives a decoder a moment for what was opened before, and no more", () => {
    expect(run("open", [[30, 30], [33, 30], [33, 30]])).toEqual([[], [], []]);
    expect(run("open", [[30, 30], [33, 30], [36, 30], [36, 30]])).toEqual([[], [], [], []]);
    expect(run("open", [[30, 30], [33, 30], [40, 30], [50, 30]])).toEqual([[], [], [], [NAME]]);
  });

  it("keeps an alarm, whatever comes later", () => {
    expect(run("seal", [[30, 0], [60, 30], [0, 0]])).toEqual([[NAME], [NAME], [NAME]]);
  });

  it("begins anew with a new peer connection", () => {
    expect(run("seal", [[300, 300], [10, 10], [40, 40]])).toEqual([[], [], []]);
    expect(run("seal", [[300, 300], [30, 0]])).toEqual([[], [NAME]]);
  });

  it("waits for a slow vault as long as nothing leaves the device", () => {
    let before: Watch = new Map();
    for (const [codec, sent, vault] of [[30, 40, 30], [60, 40, 30], [90, 40, 30]] as const) {
      const { watch: after, alarms } = watch(before, [{ name: NAME, direction: "seal", codec, sent, vault }]);
      before = after;
      expect(alarms).toEqual([]);
    }
    expect(watch(before, [{ name: NAME, direction: "seal", codec: 120, sent: 160, vault: 30 }]).alarms).toEqual([NAME]);
  });

  it("does not hold against a sender what the vault let through between two readings", () => {
    // The vault took half a second to answer, and then the camera was turned off.
    const late = watch(new Map(), [{ name: NAME, direction: "seal", codec: 30, sent: 40, vault: 45, earlier: 30 }]);
    const off = { name: NAME, direction: "seal", codec: 45, sent: 60, vault: 45, earlier: 45 } as const;
    expect(watch(late.watch, [off]).alarms).toEqual([]);
  });

  it("is quiet while nothing happens at all", () => {
    expect(run("open", [[0, 0], [0, 0], [0, 0]])).toEqual([[], [], []]);
  });
});
