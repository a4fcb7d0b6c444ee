// What happens to each encoded frame: it is sealed or opened, or it goes nowhere.
//
// There is no state in which a frame passes unchanged.  Without a participant, without a key,
// with any error at all, the frame is dropped and counted.
//
// Invariants:
// - Nothing is enqueued that sealFrame or openFrame did not return.
// - A frame is shown only if it was sealed by the member whose track the slot carries; while it
//   is not known whose that is, nothing is shown.
// - Frames wait for a key, or for word of the slot, that may be on its way: at most HELD_FRAMES_MAX, at most HELD_MS_MAX.

import type { TrackKind } from "../protocol/wire";
import type { FrameCounters } from "./messages";
import { looksLikeVp8 } from "./vp8";

/** Frames that may wait for a key (E2EE.md 1.7).  More would be shown too late to be of use. */
export const HELD_FRAMES_MAX = 10;

/** How long a frame may wait for a key. */
export const HELD_MS_MAX = 200;

/** The part of an encoded frame that we touch. */
export interface Frame {
  data: ArrayBuffer;
}

/** Where a frame goes on to. */
export interface Exit<F> {
  enqueue(frame: F): void;
}

/** Seals and opens: the participant of the WebAssembly module. */
export interface FrameCipher {
  sealFrame(nowMs: number, kind: TrackKind, frame: Uint8Array): Uint8Array;
  openFrame(nowMs: number, audio: boolean, frame: Uint8Array): Uint8Array;
  lastOpenedLeaf(): number | undefined;
}

/** What both kinds of transform need from the vault. */
export interface Surroundings {
  cipher: () => FrameCipher | undefined;
  now: () => number;
}

/** A fresh count. */
export function noFrames(): FrameCounters {
  return { passed: 0, dropped: 0, last_code: null };
}

/** The stable code inside whatever was thrown. */
export function codeOf(thrown: unknown): string {
  return typeof thrown === "string" && /^[a-z0-9_]{1,40}$/.test(thrown) ? thrown : "broken";
}

function bytesOf(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return whole ? buffer : new Uint8Array(bytes).buffer;
}

/** Seals what the encoder of one track makes. */
export class Sealer<F extends Frame> {
  readonly counters = noFrames();

  constructor(
    private readonly around: Surroundings,
    private readonly kind: TrackKind,
  ) {}

  /** Takes one frame. */
  take(frame: F, exit: Exit<F>): void {
    const cipher = this.around.cipher();
    if (cipher === undefined) {
      drop(this.counters, "no_participant");
      return;
    }
    try {
      const sealed = cipher.sealFrame(this.around.now(), this.kind, new Uint8Array(frame.data));
      frame.data = bytesOf(sealed);
    } catch (thrown) {
      drop(this.counters, codeOf(thrown));
      return;
    }
    exit.enqueue(frame);
    this.counters.passed += 1;
  }
}

/** Opens what arrives on one slot. */
export class Opener<F extends Frame> {
  readonly counters = noFrames();
  private readonly held: { frame: F; since: number }[] = [];
  private exit: Exit<F> | undefined;

  constructor(
    private readonly around: Surroundings,
    private readonly audio: boolean,
    /** The leaf whose track is on the slot, if that is known. */
    private readonly leaf: () => number | undefined,
    /** Called when a picture is lost, so that a whole one can be asked for. */
    private readonly onLost: () => void,
  ) {}

  /** Takes one frame. */
  take(frame: F, exit: Exit<F>): void {
    this.exit = exit;
    this.held.push({ frame, since: this.around.now() });
    if (this.held.length > HELD_FRAMES_MAX) {
      this.held.shift();
      this.lose("held_too_many");
    }
    this.retry();
  }

  /** Tries again: the participant may have learned a key. */
  retry(): void {
    for (let first = this.held[0]; first !== undefined; first = this.held[0]) {
      const code = this.open(first.frame);
      const waits = (code === "unknown_key" || code === "unknown_sender") && this.around.now() - first.since < HELD_MS_MAX;
      if (waits) return;
      this.held.shift();
      if (code === undefined) this.pass(first.frame);
      else this.lose(code);
    }
  }

  private open(frame: F): string | undefined {
    try {
      const cipher = this.around.cipher();
      if (cipher === undefined) return "no_participant";
      const expected = this.leaf();
      if (expected === undefined) return "unknown_sender";
      const opened = cipher.openFrame(this.around.now(), this.audio, new Uint8Array(frame.data));
      if (cipher.lastOpenedLeaf() !== expected) return "wrong_sender";
      if (!this.audio && !looksLikeVp8(opened)) return "not_vp8";
      frame.data = bytesOf(opened);
      return undefined;
    } catch (thrown) {
      return codeOf(thrown);
    }
  }

  private pass(frame: F): void {
    try {
      this.exit?.enqueue(frame);
    } catch {
      // The peer connection it came by is closed.
      drop(this.counters, "closed");
      return;
    }
    this.counters.passed += 1;
  }

  private lose(code: string): void {
    drop(this.counters, code);
    if (!this.audio) this.onLost();
  }
}

function drop(counters: FrameCounters, code: string): void {
  counters.dropped += 1;
  counters.last_code = code;
}
