// The person's own camera and microphone: asking for them, turning them on and off.
//
// A camera that is off is released, so that its light goes out.  A microphone that is muted
// stays open and sends silence: packets go on at the same rate and size, and tell nothing.

import type { TrackKind } from "../protocol/wire";
import type { DeviceTrouble } from "../room/words";

/** 360 lines at 30 pictures a second: one layer, clear enough for a face, light on old phones. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 360 },
  frameRate: { ideal: 30, max: 30 },
  facingMode: "user",
};
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

/** The person's own devices. */
export class LocalMedia {
  microphone: MediaStreamTrack | null = $state.raw(null);
  camera: MediaStreamTrack | null = $state.raw(null);
  microphoneOn = $state(false);
  cameraOn = $state(false);
  /** Whether a question to the browser is open. */
  asking = $state(false);
  trouble: Record<TrackKind, DeviceTrouble | null> = $state({ microphone: null, camera: null });

  /** What the person last said; a late answer of the browser must not overrule it. */
  private wanted: Record<TrackKind, boolean> = { microphone: false, camera: false };

  /** Called when a track went on or off, or was replaced. */
  onChange: (kind: TrackKind) => void = () => undefined;

  /** Asks for both; what cannot be had is left out, with its trouble named. */
  async askForBoth(): Promise<void> {
    this.asking = true;
    this.wanted = { microphone: true, camera: true };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: MICROPHONE });
      for (const track of stream.getTracks()) this.take(track);
    } catch {
      // One of the two may still be had.
      await this.ask("microphone");
      if (this.wanted.camera) await this.ask("camera");
    } finally {
      this.asking = false;
    }
  }

  /** Turns a track on or off; turning on may ask the browser. */
  async set(kind: TrackKind, on: boolean): Promise<void> {
    if (kind === "camera" || on) this.wanted[kind] = on;
    if (kind === "camera" && !on) {
      this.release("camera");
    } else if (this[kind] === null && on) {
      this.asking = true;
      await this.ask(kind);
      this.asking = false;
    }
    if (kind === "microphone" && this.microphone !== null) {
      this.microphone.enabled = on;
      this.microphoneOn = on;
    }
    this.onChange(kind);
  }

  /** Whether `kind` is being sent. */
  isOn(kind: TrackKind): boolean {
    return kind === "microphone" ? this.microphoneOn : this.cameraOn;
  }

  /** Releases everything. */
  stop(): void {
    this.wanted = { microphone: false, camera: false };
    this.release("camera");
    this.release("microphone");
  }

  private async ask(kind: TrackKind): Promise<void> {
    const wanted = kind === "camera" ? { video: CAMERA } : { audio: MICROPHONE };
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      for (const track of stream.getTracks()) this.take(track);
    } catch (thrown) {
      this.trouble[kind] = troubleOf(thrown);
    }
  }

  private take(track: MediaStreamTrack): void {
    const kind: TrackKind = track.kind === "video" ? "camera" : "microphone";
    if (!this.wanted[kind]) {
      track.stop();
      return;
    }
    this.release(kind);
    track.contentHint = kind === "camera" ? "motion" : "speech";
    this[kind] = track;
    this.trouble[kind] = null;
    this.mark(kind, true);
    // Unplugged, or taken away by the browser.
    track.onended = () => {
      if (this[kind] !== track) return;
      this.release(kind);
      this.trouble[kind] = "absent";
      this.onChange(kind);
    };
  }

  private release(kind: TrackKind): void {
    const track = this[kind];
    if (track !== null) {
      track.onended = null;
      track.stop();
    }
    this[kind] = null;
    this.mark(kind, false);
  }

  private mark(kind: TrackKind, on: boolean): void {
    if (kind === "microphone") this.microphoneOn = on;
    else this.cameraOn = on;
  }
}

function troubleOf(thrown: unknown): DeviceTrouble {
  const name = thrown instanceof DOMException ? thrown.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "absent";
}
