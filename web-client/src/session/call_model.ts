// What views need of a call and of the devices.  The real ones are in call.svelte.ts and
// media/local.svelte.ts; the gallery draws the same views from made-up ones.
import type { LocalMedia } from "../media/local.svelte";
import type { Call } from "./call.svelte";

/** The call, as a view sees it. */
export type CallModel = Pick<
  Call,
  "state" | "chat" | "receptions" | "sounds" | "line" | "facts" | "shape" | "refused" | "alarms" | "mediaUp" | "admittedAt" | "admit" | "decline" | "write" | "say" | "onSaid" | "doorstep" | "tellDoorstep" | "tellModerator" | "presetNote" | "receipts" | "codeChanged" | "codeSeen" | "agree" | "withdraw" | "leave" | "endForBoth"
>;

/** The devices, as a view sees them. */
export type MediaModel = Pick<LocalMedia, "microphone" | "camera" | "microphoneOn" | "cameraOn" | "asking" | "trouble" | "set" | "askForBoth"> & Partial<MediaTools>;

/** What only the call needs of the devices; a view must do without where they are missing. */
export type MediaTools = Pick<LocalMedia, "screen" | "away" | "within" | "veiled" | "veil" | "shown" | "setVeil" | "devices" | "news" | "blur" | "attend" | "choose" | "share" | "unshare" | "setBlur">;
