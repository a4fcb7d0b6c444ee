import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Probe } from "../protocol/wire";
import { answerOf, probeIn, tryWay } from "./probe";

const PROBE: Probe = {
  ufrag: "0000001eABCDefgh0123456789+/abcd",
  password: "abcdefghijklmnopqrstuvwxyzABCDEF",
  candidates: [{ ip: "192.0.2.7", port: 3478 }, { ip: "2001:db8::7", port: 3478 }],
};

/** A connection of which ICE ends as it is told. */
class FakeConnection {
  iceConnectionState = "new";
  oniceconnectionstatechange: (() => void) | null = null;
  closed = false;
  remote = "";
  createDataChannel = vi.fn();
  setLocalDescription = vi.fn(() => Promise.resolve());
  setRemoteDescription = vi.fn(({ sdp }: { sdp: string }) => {
    this.remote = sdp;
    return Promise.resolve();
  });

  constructor(readonly stats: object[] = []) {}

  getStats(): Promise<Map<number, object>> {
    return Promise.resolve(new Map(this.stats.entries()));
  }

  become(state: string): void {
    this.iceConnectionState = state;
    this.oniceconnectionstatechange?.();
  }

  close(): void {
    this.closed = true;
  }
}

function trying(connection: FakeConnection, signal = new AbortController().signal): ReturnType<typeof tryWay> {
  return tryWay(PROBE, signal, () => connection as unknown as RTCPeerConnection);
}

describe("what the server gives for a try", () => {
  it("is taken as it is when it fits", () => {
    expect(probeIn(JSON.parse(JSON.stringify(PROBE)))).toEqual(PROBE);
  });

  it.each([
    null,
    7,
    {},
    { ...PROBE, ufrag: "abc" },
    { ...PROBE, ufrag: "abcdef\r\na=setup:passive" },
    { ...PROBE, password: "too short" },
    { ...PROBE, candidates: [] },
    { ...PROBE, candidates: "192.0.2.7" },
    { ...PROBE, candidates: [{ ip: "192.0.2.7 3478 typ host\r\na=x", port: 1 }] },
    { ...PROBE, candidates: [{ ip: "tracker.example", port: 1 }] },
    { ...PROBE, candidates: [{ ip: "192.0.2.7", port: "3478" }] },
    { ...PROBE, candidates: [PROBE.candidates[0], { ip: "192.0.2.7", port: 0 }] },
    { ...PROBE, candidates: Array.from({ length: 17 }, () => PROBE.candidates[0]) },
  ])("is not taken when it could become other lines: %j", (answer) => {
    expect(probeIn(answer)).toBeNull();
  });

  it("becomes an answer with these names and addresses, the first the best", () => {
    const lines = answerOf(PROBE).split("\r\n");
    expect(lines).toContain(`a=ice-ufrag:${PROBE.ufrag}`);
    expect(lines).toContain(`a=ice-pwd:${PROBE.password}`);
    expect(lines.filter((line) => line.startsWith("a=candidate:"))).toEqual([
      "a=candidate:1 1 udp 2130706431 192.0.2.7 3478 typ host",
      "a=candidate:2 1 udp 2130706175 2001:db8::7 3478 typ host",
    ]);
  });
});

describe("a try of the way", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it("works when ICE connects, with the time of the fastest pair", async () => {
    const connection = new FakeConnection([
      { type: "transport" },
      { type: "candidate-pair", state: "failed", currentRoundTripTime: 0.001 },
      { type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0.0424 },
      { type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0.1 },
    ]);
    const tried = trying(connection);
    await vi.advanceTimersByTimeAsync(10);
    connection.become("checking");
    connection.become("connected");
    expect(await tried).toEqual({ type: "works", round_trip_ms: 42 });
    expect(connection.remote).toBe(answerOf(PROBE));
    expect(connection.closed).toBe(true);
  });

  it.each([
    [[], null],
    [[{ type: "candidate-pair", state: "succeeded" }], null],
    [[{ type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0 }], 1],
  ])("works also where the browser tells no time, or next to none: %j", async (stats, round_trip_ms) => {
    const connection = new FakeConnection(stats);
    const tried = trying(connection);
    await vi.advanceTimersByTimeAsync(10);
    connection.become("completed");
    expect(await tried).toEqual({ type: "works", round_trip_ms });
  });

  it("is blocked when ICE fails, or says nothing for long", async () => {
    const failing = new FakeConnection();
    const failed = trying(failing);
    await vi.advanceTimersByTimeAsync(10);
    failing.become("failed");
    expect(await failed).toEqual({ type: "blocked" });

    const silent = new FakeConnection();
    const tried = trying(silent);
    await vi.advanceTimersByTimeAsync(10);
    silent.become("checking");
    await vi.advanceTimersByTimeAsync(8000);
    expect(await tried).toEqual({ type: "blocked" });
    expect(silent.closed && failing.closed).toBe(true);
  });

  it("says nothing bad of a network when it could not be tried", async () => {
    const connection = new FakeConnection();
    connection.setRemoteDescription = vi.fn(() => Promise.reject(new DOMException("no", "OperationError")));
    expect(await trying(connection)).toEqual({ type: "unknown" });
    expect(connection.closed).toBe(true);
    const none = (): never => { throw new TypeError("RTCPeerConnection is not defined"); };
    expect(await tryWay(PROBE, new AbortController().signal, none)).toEqual({ type: "unknown" });
  });

  it("is closed as soon as nobody wants to know", async () => {
    const connection = new FakeConnection();
    const going = new AbortController();
    const tried = trying(connection, going.signal);
    await vi.advanceTimersByTimeAsync(10);
    going.abort();
    expect(await tried).toEqual({ type: "unknown" });
    expect(connection.closed).toBe(true);

    const late = new FakeConnection();
    expect(await trying(late, AbortSignal.abort())).toEqual({ type: "unknown" });
    expect(late.closed).toBe(true);
  });
});
