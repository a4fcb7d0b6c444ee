// Which words go with which state.  Keys only: the words are in i18n.
import type { Key } from "../i18n/en";
import type { EndReason } from "../protocol/participant";
import type { FarewellReason, InviteState, Reject, RoomKind, TrackKind } from "../protocol/wire";
import type { Step } from "./ladder";
import type { Line } from "./line";
import type { TileState } from "./tile";

/** The word on a tile; `null` for a picture. */
export function tileWord(state: TileState): Key | null {
  switch (state.type) {
    case "picture":
      return null;
    case "unsafe":
      return "tile.unsafe";
    case "here_reconnecting":
      return "tile.here_reconnecting";
    case "reconnecting":
      return "tile.reconnecting";
    case "securing":
      return "tile.securing";
    case "stopped":
      return "tile.stopped";
    case "away":
      return "tile.away";
    case "paused":
      return "tile.paused";
    case "refused":
      return "tile.refused";
    case "camera_off":
      return "tile.camera_off";
    case "cannot_open":
      return "tile.cannot_open";
    case "weak_line":
      return "tile.weak_line";
  }
}

/** The same for a tile without a picture, in an appointment that may have none. */
export function noPictureWord(kind: RoomKind, state: TileState): Key | null {
  return kind === "video" ? tileWord(state) : kind === "audio" ? "tile.by_voice" : "tile.in_writing";
}

/** The word for the own line. */
export function lineWord(line: Line): Key {
  switch (line) {
    case "unknown":
      return "line.unknown";
    case "good":
      return "line.good";
    case "fair":
      return "line.fair";
    case "weak":
      return "line.weak";
  }
}

/** The word for somebody else's line; `null` while it is well. */
export function otherLineWord(line: Line): Key | null {
  switch (line) {
    case "unknown":
    case "good":
      return null;
    case "fair":
      return "line.other_fair";
    case "weak":
      return "line.other_weak";
  }
}

/** What one's own step on the ladder means. */
export function stepWord(step: Step): Key {
  switch (step) {
    case "full":
      return "step.full";
    case "lower":
      return "step.lower";
    case "no_own":
      return "step.no_own";
    case "audio":
      return "step.audio";
    case "text":
      return "step.text";
  }
}

/** The same, to choose from. */
export function chooseWord(step: Step): Key {
  switch (step) {
    case "full":
      return "choose.full";
    case "lower":
      return "choose.lower";
    case "no_own":
      return "choose.no_own";
    case "audio":
      return "choose.audio";
    case "text":
      return "choose.text";
  }
}

/** What the other side's step means for this one; `null` where there is nothing to say. */
export function otherStepWord(step: Step): Key | null {
  switch (step) {
    case "full":
    case "lower":
      return null;
    case "no_own":
      return "step.other_no_own";
    case "audio":
      return "step.other_audio";
    case "text":
      return "step.other_text";
  }
}

/** Why a device could not be had. */
export type DeviceTrouble = "denied" | "absent" | "busy";

const DEVICE_WORDS: Record<TrackKind, Record<DeviceTrouble, Key>> = {
  camera: { denied: "device.camera.denied", absent: "device.camera.absent", busy: "device.camera.busy" },
  microphone: { denied: "device.microphone.denied", absent: "device.microphone.absent", busy: "device.microphone.busy" },
};

/** What to say when a device could not be had. */
export function deviceWord(kind: TrackKind, trouble: DeviceTrouble): Key {
  return DEVICE_WORDS[kind][trouble];
}

/** How far an invite got. */
export function inviteWord(state: InviteState): Key {
  switch (state) {
    case "unused":
      return "invite.unused";
    case "opened":
      return "invite.opened";
    case "waiting":
      return "invite.waiting";
    case "in_session":
      return "invite.in_session";
    case "used":
      return "invite.used";
    case "revoked":
      return "invite.revoked";
    case "expired":
      return "invite.expired";
  }
}

/** A page at the end of the way: its words, its code, and whether coming back makes sense. */
export interface Ending {
  code: string;
  title: Key;
  text: Key;
  /** Another try, in these words; `null` where it would not help. */
  again: Key | null;
  /** Whether something is wrong, so that the page may look like it. */
  wrong: boolean;
}

/** The page for a reason. */
export function endingOf(reason: EndReason): Ending {
  switch (reason.type) {
    case "farewell":
      return farewell(reason.reason);
    case "refused":
      return refusal(reason.reject);
    case "unsafe":
      return { code: `unsafe-${reason.code}`, title: "end.unsafe.title", text: "end.unsafe.text", again: null, wrong: true };
    case "signed_out":
      return { code: "signed_out", title: "end.signed_out.title", text: "end.signed_out.text", again: null, wrong: false };
  }
}

function farewell(code: FarewellReason): Ending {
  const calm = { code, again: null, wrong: false };
  switch (code) {
    case "left":
      return { ...calm, title: "end.left.title", text: "end.left.text", again: "end.return" };
    case "declined":
      return { ...calm, title: "end.declined.title", text: "end.declined.text" };
    case "removed":
      return { ...calm, title: "end.removed.title", text: "end.removed.text" };
    case "room_ended":
      return { ...calm, title: "end.room_ended.title", text: "end.room_ended.text" };
    case "replaced":
      return { ...calm, title: "end.replaced.title", text: "end.replaced.text" };
    case "revoked":
      return { ...calm, title: "end.revoked.title", text: "end.revoked.text" };
    case "lost":
      return { ...calm, title: "end.lost.title", text: "end.lost.text", again: "end.return" };
    case "server_stopping":
    case "internal":
      return { ...calm, title: "end.internal.title", text: "end.internal.text", again: "end.again" };
  }
}

function refusal(reject: Reject): Ending {
  const { code } = reject;
  const calm = { code, again: null, wrong: false };
  switch (code) {
    case "no_such_right":
      return { ...calm, title: "end.no_such_right.title", text: "end.no_such_right.text" };
    case "expired":
      return { ...calm, title: "end.expired.title", text: "end.expired.text" };
    case "room_ended":
      return { ...calm, title: "end.room_ended.title", text: "end.room_ended.text" };
    case "room_full":
      return { ...calm, title: "end.room_full.title", text: "end.room_full.text", again: "end.again" };
    case "not_signed_in":
      return { ...calm, title: "end.signed_out.title", text: "end.signed_out.text" };
    case "malformed":
    case "too_large":
    case "too_fast":
    case "out_of_order":
    case "not_admitted":
    case "not_moderator":
    case "no_such_participant":
    case "stale_epoch":
    case "no_such_group":
    case "stale_generation":
    case "bad_offer":
    case "backlog_gone":
    case "cannot_sign_in":
    case "bad_password":
    case "needs_second_factor":
    case "not_fresh":
    case "wrong_code":
    case "name_taken":
    case "too_many":
    case "internal":
      return { ...calm, title: "end.internal.title", text: "end.internal.text", again: "end.again" };
  }
}

/** What to say when something asked for in a call could not be done. */
export function refusedWord(reject: Reject): Key {
  switch (reject.code) {
    case "too_fast":
      return "refused.too_fast";
    case "too_large":
      return "refused.too_large";
    case "no_such_participant":
      return "refused.gone";
    case "room_full":
      return "refused.room_full";
    case "malformed":
    case "out_of_order":
    case "no_such_right":
    case "expired":
    case "room_ended":
    case "not_admitted":
    case "not_moderator":
    case "stale_epoch":
    case "no_such_group":
    case "stale_generation":
    case "bad_offer":
    case "backlog_gone":
    case "not_signed_in":
    case "cannot_sign_in":
    case "bad_password":
    case "needs_second_factor":
    case "not_fresh":
    case "wrong_code":
    case "name_taken":
    case "too_many":
    case "internal":
      return "refused.other";
  }
}

/** What to say when the desk's request was refused. */
export function deskWord(reject: Reject): Key {
  switch (reject.code) {
    case "cannot_sign_in":
      return "error.cannot_sign_in";
    case "bad_password":
      return "error.bad_password";
    case "no_such_right":
      return "error.setup_link";
    case "wrong_code":
      return "acct.wrong_code";
    case "name_taken":
      return "acct.name_taken";
    case "needs_second_factor":
      return "acct.needs_factor";
    case "too_many":
      return "error.too_many";
    case "not_signed_in":
      return "error.not_signed_in";
    case "too_fast":
      return "error.too_fast";
    case "not_fresh":
    case "malformed":
    case "too_large":
    case "out_of_order":
    case "expired":
    case "room_ended":
    case "room_full":
    case "not_admitted":
    case "not_moderator":
    case "no_such_participant":
    case "stale_epoch":
    case "no_such_group":
    case "stale_generation":
    case "bad_offer":
    case "backlog_gone":
    case "internal":
      return "error.internal";
  }
}
