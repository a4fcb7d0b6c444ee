// The person's own camera and microphone: asking for them, turning them on and off, choosing
// others, and taking them back when a telephone call or a locked screen took them away.
//
// A camera that is off is released, so that its light goes out.  A microphone that is muted
// stays open and sends silence: packets go on at the same rate and size, and tell nothing.

import type { RoomKind, TrackKind } from "../protocol/wire";
import type { DeviceTrouble } from "../room/words";
import { blurOf, canShareScreen, screenTrack, setBlurOf } from "./extras";
import type { Devices, News } from "./devices";
import { canChooseSpeaker, NO_DEVICES, pluggedIn, sorted } from "./devices";
import type { MakePainter, VeilState } from "./veil";
import { Veil } from "./veil";

/** 360 lines at 30 pictures a second: one layer, clear enough for a face, light on old phones. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 360 },
  frameRate: { ideal: 30, max: 30 },
  facingMode: "user",
};
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

/** A track that is silent for longer than this after the page is seen again is asked for anew. */
const SILENT_MS_MAX = 1500;

const KINDS = ["microphone", "camera"] as const;

/** The person's own devices. */
export class LocalMedia {
  microphone: MediaStreamTrack | null = $state.raw(null);
  camera: MediaStreamTrack | null = $state.raw(null);
  /** What is shown instead of the camera. */
  screen: MediaStreamTrack | null = $state.raw(null);
  microphoneOn = $state(false);
  cameraOn = $state(false);
  /** Whether a question to the browser is open. */
  asking = $state(false);
  trouble: Record<TrackKind, DeviceTrouble | null> = $state({ microphone: null, camera: null });
  /** Whether the system took a device for something else, such as a telephone call. */
  away = $state(false);
  devices: Devices = $state.raw(NO_DEVICES);
  news: News | null = $state.raw(null);
  /** Whether the background is blurred; `null` where this browser cannot. */
  blur: boolean | null = $state(null);
  /** Whether the person wants no clear picture of theirs to go out, nor to be shown. */
  veiled = $state(false);
  /** How far the veil is. */
  veil: VeilState = $state("off");
  /** One's own picture as it goes out: the camera's, the veiled one, or none. */
  shown: MediaStreamTrack | null = $state.raw(null);

  /** What the appointment has at all: a device beyond it never starts. */
  within: Readonly<Record<TrackKind, boolean>> = $state.raw({ microphone: true, camera: true });

  /** The browser's own blur is wanted: another camera begins under the veil until it has it. */
  private wantsBlur = false;
  /** The person asked for the veil itself: a blur that comes does not lift it. */
  private wantsVeil = false;
  private readonly curtain: Veil;

  /** What the person last said; a late answer of the browser must not overrule it. */
  private wanted: Record<TrackKind, boolean> = { microphone: false, camera: false };
  /** Muted by the person: a microphone that comes back stays so. */
  private isMuted = false;
  private chosen: Record<TrackKind, string | null> = { microphone: null, camera: null };
  private recovering: Promise<void> = Promise.resolve();

  constructor(makePainter?: MakePainter) {
    this.curtain = new Veil(() => { this.veilChanged(); }, makePainter);
  }

  /** Called when a track went on or off, or was replaced. */
  onChange: (kind: TrackKind) => void = () => undefined;

  /** From here on only what the appointment has; what runs beyond it is released. */
  bound(kind: RoomKind): void {
    this.within = { microphone: kind !== "text", camera: kind === "video" };
    for (const one of KINDS) if (!this.within[one]) this.forget(one);
    if (kind !== "video") this.unshare();
  }

  /** Asks for both; what cannot be had is left out, with its trouble named. */
  async askForBoth(): Promise<void> {
    if (!this.within.camera || !this.within.microphone) {
      if (this.within.microphone) await this.set("microphone", true);
      return;
    }
    this.asking = true;
    this.wanted = { microphone: true, camera: true };
    this.isMuted = false;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: this.wishes("camera"), audio: this.wishes("microphone") });
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
    if (on && !this.within[kind]) return;
    if (kind === "camera" || on) this.wanted[kind] = on;
    if (kind === "microphone") this.isMuted = !on;
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
    return kind === "microphone" ? this.microphoneOn : this.screen !== null || (this.cameraOn && this.shown !== null);
  }

  /** What goes to the others: a screen takes the camera's place. */
  outgoing(kind: TrackKind): MediaStreamTrack | null {
    return kind === "microphone" ? this.microphone : (this.screen ?? this.shown);
  }

  /** Uses another device; `null` leaves the choice to the browser. */
  async choose(kind: TrackKind | "speaker", id: string | null): Promise<void> {
    if (this.news?.type === "plugged") this.news = null;
    if (kind === "speaker") {
      this.devices = { ...this.devices, speaker: id };
      return;
    }
    this.chosen[kind] = id;
    this.devices = { ...this.devices, [kind]: id };
    if (this[kind] === null) return;
    // Some telephones open one camera at a time.
    if (kind === "camera") this.release("camera");
    await this.ask(kind);
    this.onChange(kind);
    await this.look();
  }

  /** Shows a window or the screen instead of the camera. */
  async share(): Promise<void> {
    if (!canShareScreen() || !this.within.camera) return;
    const track = await screenTrack();
    if (track === null) return;
    // The appointment may have become another one while the person chose.
    if (!this.isWithin("camera")) {
      track.stop();
      return;
    }
    this.unshare();
    this.screen = track;
    // The browser's own "stop sharing".
    track.onended = () => {
      this.unshare();
    };
    this.onChange("camera");
  }

  /** Back to the camera. */
  unshare(): void {
    if (this.screen === null) return;
    this.screen.onended = null;
    this.screen.stop();
    this.screen = null;
    this.onChange("camera");
  }

  /** Blurs what is behind the person, with the browser's own means.  Until it is there, and if it does not come, there is the veil. */
  async setBlur(on: boolean): Promise<void> {
    this.wantsBlur = on;
    if (on) this.cover(true);
    const { camera } = this;
    if (camera !== null) await setBlurOf(camera, on);
    if (camera !== this.camera) return;
    this.blur = blurOf(camera);
    if (on && this.blur === true && this.isBlurWanted() && !this.wantsVeil) this.cover(false);
  }

  /** Lets nothing but light and movement out, or the clear picture again. */
  setVeil(on: boolean): void {
    this.wantsVeil = on;
    // Whoever takes the veil away wants no blur that is not there.
    if (!on && this.blur !== true) this.wantsBlur = false;
    this.cover(on);
  }

  /** Watches devices come and go for as long as a call lasts; the answer ends it. */
  attend(): () => void {
    const changed = (): void => void this.look().then(() => this.recover(SILENT_MS_MAX));
    const seen = (): void => {
      if (document.visibilityState === "visible") void this.recover(SILENT_MS_MAX);
    };
    // Not there on pages that are not secure.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    devices?.addEventListener("devicechange", changed);
    document.addEventListener("visibilitychange", seen);
    addEventListener("pageshow", seen);
    void this.look();
    useForTalking();
    return () => {
      devices?.removeEventListener("devicechange", changed);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("pageshow", seen);
    };
  }

  /** Takes back what is wanted and was lost.  A track that is only silent gets `patience_ms` to come back by itself. */
  recover(patience_ms = 0): Promise<void> {
    // One after the other: what was lost meanwhile is seen by the next.
    this.recovering = this.recovering.then(() => this.takeBack(patience_ms));
    return this.recovering;
  }

  /** Releases a device for good: it is not taken back. */
  forget(kind: TrackKind): void {
    this.wanted[kind] = false;
    this.release(kind);
    this.trouble[kind] = null;
    this.onChange(kind);
  }

  /** Releases everything. */
  stop(): void {
    this.wanted = { microphone: false, camera: false };
    this.unshare();
    this.release("camera");
    this.release("microphone");
    this.away = false;
    this.news = null;
  }

  private cover(on: boolean): void {
    this.veiled = on;
    if (on && this.camera !== null) this.curtain.start(this.camera);
    else this.curtain.stop();
    this.veilChanged();
  }

  private isBlurWanted(): boolean {
    return this.wantsBlur;
  }

  private veilChanged(): void {
    this.veil = this.curtain.state;
    this.shown = this.veiled ? this.curtain.track : this.camera;
    this.onChange("camera");
  }

  private async takeBack(patience_ms: number): Promise<void> {
    for (const kind of KINDS) {
      if (!this.wanted[kind] || !this.isGone(kind)) continue;
      // What is only silent usually comes back by itself.
      if (this[kind]?.readyState === "live" && patience_ms > 0) await new Promise((done) => setTimeout(done, patience_ms));
      if (!this.isWanted(kind) || !this.isGone(kind)) continue;
      const was = this[kind] === null ? null : "silent";
      await this.ask(kind);
      this.onChange(kind);
      const now = this[kind];
      if (now !== null && !this.isGone(kind)) this.news = was === null ? { type: "replaced", kind, name: now.label } : { type: "back" };
    }
    this.noteAway();
  }

  private isWithin(kind: TrackKind): boolean {
    return this.within[kind];
  }

  private isWanted(kind: TrackKind): boolean {
    return this.wanted[kind];
  }

  private isGone(kind: TrackKind): boolean {
    const track = this[kind];
    return track === null || track.readyState === "ended" || track.muted;
  }

  private async look(): Promise<void> {
    try {
      const after = sorted(await navigator.mediaDevices.enumerateDevices(), canChooseSpeaker());
      this.news = pluggedIn(this.devices, after) ?? this.news;
      const used = (kind: TrackKind): string | null => this[kind]?.getSettings().deviceId ?? this.chosen[kind];
      const { speaker } = this.devices;
      this.devices = {
        ...after,
        microphone: used("microphone"),
        camera: used("camera"),
        // One that was unplugged: back to the browser's own choice.
        speaker: after.speakers.some(({ id }) => id === speaker) ? speaker : null,
      };
    } catch {
      // A browser that does not tell: nothing to choose from.
    }
  }

  private wishes(kind: TrackKind): MediaTrackConstraints {
    const wishes = kind === "camera" ? CAMERA : MICROPHONE;
    const id = this.chosen[kind];
    return id === null ? wishes : { ...wishes, deviceId: { exact: id } };
  }

  private async ask(kind: TrackKind): Promise<void> {
    try {
      await this.fetch(kind);
    } catch (thrown) {
      const trouble = troubleOf(thrown);
      // The chosen one may be gone; any other is better than none.
      if (this.chosen[kind] !== null && trouble !== "denied") {
        this.chosen[kind] = null;
        await this.ask(kind);
        return;
      }
      this.trouble[kind] = trouble;
      // Not again without being told to.
      if (trouble === "denied") this.wanted[kind] = false;
    }
  }

  private async fetch(kind: TrackKind): Promise<void> {
    const wanted = kind === "camera" ? { video: this.wishes(kind) } : { audio: this.wishes(kind) };
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    for (const track of stream.getTracks()) this.take(track);
  }

  private take(track: MediaStreamTrack): void {
    const kind: TrackKind = track.kind === "video" ? "camera" : "microphone";
    if (!this.wanted[kind]) {
      track.stop();
      return;
    }
    const muted = kind === "microphone" && this.isMuted;
    this.release(kind);
    track.contentHint = kind === "camera" ? "motion" : "speech";
    track.enabled = !muted;
    this[kind] = track;
    this.trouble[kind] = null;
    this.mark(kind, !muted);
    if (kind === "camera") {
      this.blur = blurOf(track);
      // Never clear in between.
      if (this.veiled || this.wantsBlur) this.cover(true);
      else this.shown = track;
      if (this.wantsBlur) void this.setBlur(true);
    }
    // Unplugged, or taken away by the browser.
    track.onended = () => {
      if (this[kind] === track) void this.lost(kind);
    };
    // The system uses it for something else.
    track.onmute = track.onunmute = () => {
      this.noteAway();
    };
  }

  /** A track ended by itself: another device may take its place. */
  private async lost(kind: TrackKind): Promise<void> {
    this.release(kind);
    this.trouble[kind] = "absent";
    this.onChange(kind);
    await this.recover();
    if (this[kind] === null) this.news = { type: "lost", kind };
  }

  private noteAway(): void {
    this.away = KINDS.some((kind) => this[kind]?.muted === true);
  }

  private release(kind: TrackKind): void {
    const track = this[kind];
    if (track !== null) {
      track.onended = track.onmute = track.onunmute = null;
      track.stop();
    }
    this[kind] = null;
    this.mark(kind, false);
    if (kind === "camera") {
      this.shown = null;
      this.curtain.stop();
      this.veil = "off";
    }
  }

  private mark(kind: TrackKind, on: boolean): void {
    if (kind === "microphone") this.microphoneOn = on;
    else this.cameraOn = on;
  }
}

/** Tells the system that this is a conversation (W3C "audio-session", Safari): sound then goes where calls go. */
function useForTalking(): void {
  const { audioSession } = navigator as { audioSession?: { type: string } };
  if (audioSession !== undefined) audioSession.type = "play-and-record";
}

function troubleOf(thrown: unknown): DeviceTrouble {
  const name = thrown instanceof DOMException ? thrown.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "absent";
}
