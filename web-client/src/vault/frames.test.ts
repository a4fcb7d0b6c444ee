import { beforeEach, describe, expect, it } from "vitest";

import type { FrameCipher } from "./frames";
import { HELD_FRAMES_MAX, HELD_MS_MAX, Opener, Sealer } from "./frames";
import { Slots } from "./slots";
import { looksLikeVp8 } from "./vp8";

/** A VP8 delta frame, as short as they get. */
const DELTA = [0x01, 0x00, 0x00, 0x00];

interface TestFrame {
  data: ArrayBuffer;
}
const frame = (...bytes: number[]): TestFrame => ({ data: Uint8Array.from(bytes).buffer });
const bytes = ({ data }: TestFrame): number[] => [...new Uint8Array(data)];

class FakeCipher implements FrameCipher {
  /** The module throws strings: stable codes. */
  refusal: unknown = null;
  leaf: number | undefined = 1;

  sealFrame(_now: number, _kind: string, plain: Uint8Array): Uint8Array {
    this.refuse();
    return plain.map((byte) => byte ^ 0xff);
  }

  openFrame(_now: number, _audio: boolean, sealed: Uint8Array): Uint8Array {
    this.refuse();
    return sealed.map((byte) => byte ^ 0xff);
  }

  private refuse(): void {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as wasm-bindgen does
    if (this.refusal !== null) throw this.refusal;
  }

  lastOpenedLeaf(): number | undefined {
    return this.leaf;
  }
}

let now = 0;
let cipher: FakeCipher | undefined;
let passed: TestFrame[] = [];
let lost = 0;
const exit = { enqueue: (one: TestFrame) => void passed.push(one) };
const around = { cipher: () => cipher, now: () => now };
const sealed = (...plain: number[]): TestFrame => frame(...plain.map((byte) => byte ^ 0xff));

beforeEach(() => {
  now = 0;
  cipher = new FakeCipher();
  passed = [];
  lost = 0;
});

describe("a sealer", () => {
  it("passes on what was sealed", () => {
    const sealer = new Sealer<TestFrame>(around, "camera");
    sealer.take(frame(1, 2, 3), exit);
    expect(passed.map(bytes)).toEqual([[254, 253, 252]]);
    expect(sealer.counters).toEqual({ passed: 1, dropped: 0, last_code: null });
  });

  it("drops every frame without a participant, without a key, and after a crash", () => {
    const sealer = new Sealer<TestFrame>(around, "microphone");
    cipher = undefined;
    sealer.take(frame(1), exit);
    cipher = new FakeCipher();
    for (const refusal of ["no_key", new Error("unreachable"), { odd: true }]) {
      cipher.refusal = refusal;
      sealer.take(frame(1), exit);
    }
    expect(passed).toEqual([]);
    expect(sealer.counters).toEqual({ passed: 0, dropped: 4, last_code: "broken" });
  });
});

describe("an opener", () => {
  const opener = (leaf?: number, audio = false): Opener<TestFrame> =>
    new Opener<TestFrame>(around, audio, () => leaf, () => void (lost += 1));

  it("passes on what was opened", () => {
    const one = opener(1);
    one.take(sealed(...DELTA), exit);
    expect(passed.map(bytes)).toEqual([DELTA]);
    expect(one.counters.passed).toBe(1);
  });

  it("drops what was tampered with, replayed, or not sealed at all, and asks for a whole picture", () => {
    const one = opener(1);
    for (const code of ["tampered", "replayed", "malformed"]) {
      if (cipher !== undefined) cipher.refusal = code;
      one.take(frame(...DELTA), exit);
      expect(one.counters.last_code).toBe(code);
    }
    expect(passed).toEqual([]);
    expect([one.counters.dropped, lost]).toEqual([3, 3]);
  });

  it("drops what another member sealed than the one whose slot it is", () => {
    const one = opener(7);
    one.take(sealed(...DELTA), exit);
    expect(passed).toEqual([]);
    expect(one.counters.last_code).toBe("wrong_sender");
  });

  it("holds what comes before the word whose slot it is, and shows nothing of nobody", () => {
    let leaf: number | undefined;
    const one = new Opener<TestFrame>(around, false, () => leaf, () => void (lost += 1));
    one.take(sealed(...DELTA), exit);
    expect(passed).toEqual([]);
    leaf = 1;
    one.retry();
    expect(passed.map(bytes)).toEqual([DELTA]);
    leaf = undefined;
    one.take(sealed(...DELTA), exit);
    now = HELD_MS_MAX;
    one.retry();
    expect(one.counters).toEqual({ passed: 1, dropped: 1, last_code: "unknown_sender" });
  });

  it("outlives the peer connection its frames came by", () => {
    const one = opener(1);
    const closed = { enqueue: () => { throw new TypeError("closed"); } };
    one.take(sealed(...DELTA), closed);
    expect(one.counters).toEqual({ passed: 0, dropped: 1, last_code: "closed" });
  });

  it("drops pictures that are none", () => {
    const one = opener(1);
    one.take(sealed(0x00, 0x00, 0x00, 1, 2, 3, 4, 5, 6, 7), exit);
    expect(passed).toEqual([]);
    expect(one.counters.last_code).toBe("not_vp8");
  });

  it("holds frames for a key on its way, and keeps their order", () => {
    const one = opener(1, true);
    if (cipher !== undefined) cipher.refusal = "unknown_key";
    one.take(sealed(1), exit);
    one.take(sealed(2), exit);
    expect(passed).toEqual([]);
    if (cipher !== undefined) cipher.refusal = null;
    one.retry();
    one.take(sealed(3), exit);
    expect(passed.map(bytes)).toEqual([[1], [2], [3]]);
    expect(one.counters).toEqual({ passed: 3, dropped: 0, last_code: null });
  });

  it("holds few frames, and not for long", () => {
    const one = opener(1, true);
    if (cipher !== undefined) cipher.refusal = "unknown_key";
    for (let i = 0; i < HELD_FRAMES_MAX + 3; i += 1) one.take(sealed(i), exit);
    expect(one.counters.dropped).toBe(3);
    now = HELD_MS_MAX;
    one.retry();
    expect(one.counters.dropped).toBe(HELD_FRAMES_MAX + 3);
    expect(passed).toEqual([]);
  });
});

describe("slots", () => {
  const other = (participant: string, leaf: number | null) => ({ participant, name: "A", role: "attendee" as const, leaf, connected: true, tracks: [] });

  it("know a leaf only when server and group together name one", () => {
    const slots = new Slots();
    slots.offered([{ mid: "2", audio: true }, { mid: "3", audio: false }]);
    expect(slots.leafOn(1)).toBeUndefined();
    slots.bound([{ mid: "3", publisher: "9", kind: "camera" }]);
    expect(slots.leafOn(1)).toBeUndefined();
    slots.members([other("9", null)]);
    expect(slots.leafOn(1)).toBeUndefined();
    slots.members([other("9", 4)]);
    expect(slots.leafOn(1)).toBe(4);
    expect(slots.leafOn(0)).toBeUndefined();
    slots.bound([]);
    expect(slots.leafOn(1)).toBeUndefined();
  });
});

describe("VP8", () => {
  const key = [0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
  it.each([
    ["a key frame of 640 by 360", key, true],
    ["a delta frame", DELTA, true],
    ["nothing", [], false],
    ["two bytes", [1, 0], false],
    ["a key frame without its start code", [...key.slice(0, 3), 0, ...key.slice(4)], false],
    ["a key frame cut short", key.slice(0, 8), false],
    ["a key frame without a size", [...key.slice(0, 6), 0, 0, 0, 0], false],
    ["a key frame of absurd size", [...key.slice(0, 6), 0xff, 0x3f, 0xff, 0x3f], false],
    ["a partition longer than the frame", [0xf1, 0xff, 0xff, 0], false],
  ])("%s", (_, given, good) => {
    expect(looksLikeVp8(Uint8Array.from(given))).toBe(good);
  });
});
