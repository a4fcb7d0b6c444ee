// Which devices there are, and what changed between two looks at the list.
import type { TrackKind } from "../protocol/wire";

/** One device to choose. */
export interface Device {
  id: string;
  /** Empty until the person allowed one device of the sort. */
  name: string;
}

/** All of them, and which are in use; `null` for the browser's own choice. */
export interface Devices {
  microphones: readonly Device[];
  cameras: readonly Device[];
  /** Empty where the page cannot choose. */
  speakers: readonly Device[];
  microphone: string | null;
  camera: string | null;
  speaker: string | null;
}

/** None known. */
export const NO_DEVICES: Devices = { microphones: [], cameras: [], speakers: [], microphone: null, camera: null, speaker: null };

/** What the person should be told. */
export type News =
  /** There is another one now, which may be used. */
  | { type: "plugged"; kind: TrackKind; id: string; name: string }
  /** The one in use went; another one took its place. */
  | { type: "replaced"; kind: TrackKind; name: string }
  /** The one in use went, and there is no other. */
  | { type: "lost"; kind: TrackKind }
  /** The device is ours again, after a telephone call or a locked screen. */
  | { type: "back" };

/** Names that browsers give to "whatever the system uses": they come and go with the others. */
const STAND_INS: readonly string[] = ["default", "communications"];

/** Sorts the browser's list. */
export function sorted(all: readonly Pick<MediaDeviceInfo, "kind" | "deviceId" | "label">[], canChooseSpeaker: boolean): Omit<Devices, TrackKind | "speaker"> {
  const of = (kind: MediaDeviceKind): Device[] =>
    all.filter((one) => one.kind === kind && one.deviceId !== "" && !STAND_INS.includes(one.deviceId)).map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: canChooseSpeaker ? of("audiooutput") : [] };
}

/** A device that was not there before: a microphone rather than a camera, for that is a headset. */
export function pluggedIn(before: Devices, after: Pick<Devices, "microphones" | "cameras">): News | null {
  const isNew = (old: readonly Device[]) => (device: Device): boolean => device.name !== "" && old.every(({ id }) => id !== device.id);
  // The first look, and the first with names, is no news.
  const known = (old: readonly Device[]): boolean => old.some(({ name }) => name !== "");
  const microphone = known(before.microphones) ? after.microphones.find(isNew(before.microphones)) : undefined;
  if (microphone !== undefined) return { type: "plugged", kind: "microphone", ...microphone };
  const camera = known(before.cameras) ? after.cameras.find(isNew(before.cameras)) : undefined;
  return camera === undefined ? null : { type: "plugged", kind: "camera", ...camera };
}

/** Whether the page may choose where sound comes out. */
export function canChooseSpeaker(): boolean {
  return typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;
}
