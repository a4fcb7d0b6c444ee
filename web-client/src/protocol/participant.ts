// What goes into the participant core and what comes out, as crates/participant defines it.
import type { FarewellReason, OfferedSlot, OfferedTrack, Reject, Role, SlotBinding, TrackKind, TrackState } from "./wire";

export type Input =
  | { type: "start" }
  | { type: "ticket"; ticket: string }
  | { type: "no_ticket"; retry: boolean }
  | { type: "opened" }
  | { type: "received"; text: string }
  | { type: "closed"; code: number }
  | { type: "admit"; participant: string }
  | { type: "decline"; participant: string }
  | { type: "remove"; participant: string }
  | { type: "send_chat"; text: string }
  | { type: "set_track"; kind: TrackKind; on: boolean }
  | { type: "leave" }
  | { type: "end_room" }
  | { type: "offered"; sdp: string; tracks: OfferedTrack[]; slots: OfferedSlot[] }
  | { type: "media_connected" }
  | { type: "media_failed" }
  | { type: "tick" };

export type Output =
  | { type: "fetch_ticket" }
  | { type: "connect" }
  | { type: "send"; text: string }
  | { type: "disconnect" }
  | { type: "make_offer" }
  | { type: "take_answer"; sdp: string }
  | { type: "close_media" }
  | { type: "bind_slots"; bindings: SlotBinding[] }
  | { type: "force_key_frame"; kind: TrackKind }
  | { type: "chat"; from: string; name: string; own: boolean; text: string }
  | { type: "refused"; reject: Reject }
  | { type: "show"; state: CallState };

export type CallState = {
  phase: Phase;
  me: string | null;
  role: Role;
  others: Other[];
  waiting: Waiting[];
  counsellor: string | null;
  safety_code: string[] | null;
  n_members: number;
  n_confirmed: number;
  tracks: TrackState[];
};

export type Phase =
  | { type: "connecting" }
  | { type: "waiting" }
  | { type: "joining" }
  | { type: "in_call" }
  | { type: "reconnecting"; retry_in_ms: number }
  | { type: "ended"; reason: EndReason };

export type EndReason =
  | { type: "farewell"; reason: FarewellReason }
  | { type: "refused"; reject: Reject }
  | { type: "unsafe"; code: string }
  | { type: "signed_out" };

export type Other = {
  participant: string;
  name: string | null;
  role: Role;
  leaf: number | null;
  connected: boolean;
  tracks: TrackState[];
};

export type Waiting = {
  participant: string;
  name: string;
  invite_number: number;
  other_device: boolean;
  waited_ms: number;
};
