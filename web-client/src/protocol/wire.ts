// Words of the wire, as crates/protocol defines them.

export type Role = "moderator" | "attendee";
export type TrackKind = "microphone" | "camera";
export type TrackState = { kind: TrackKind; on: boolean };
export type OfferedTrack = { mid: string; kind: TrackKind };
export type OfferedSlot = { mid: string; audio: boolean };
export type SlotBinding = { mid: string; publisher: string; kind: TrackKind };

export type Reject =
  | { code: "malformed" }
  | { code: "too_large" }
  | { code: "too_fast" }
  | { code: "out_of_order" }
  | { code: "no_such_right" }
  | { code: "expired" }
  | { code: "room_ended" }
  | { code: "room_full" }
  | { code: "not_admitted" }
  | { code: "not_moderator" }
  | { code: "no_such_participant" }
  | { code: "stale_epoch"; got: number; current: number }
  | { code: "no_such_group" }
  | { code: "stale_generation" }
  | { code: "bad_offer" }
  | { code: "backlog_gone" }
  | { code: "not_signed_in" }
  | { code: "cannot_sign_in" }
  | { code: "bad_password" }
  | { code: "too_many" }
  | { code: "internal" };

export type FarewellReason =
  | "left"
  | "declined"
  | "removed"
  | "room_ended"
  | "replaced"
  | "revoked"
  | "lost"
  | "server_stopping"
  | "internal";

export type Setup = { token: string; name: string; password: string };
export type SignIn = { name: string; password: string };
export type Me = { account: string; name: string };
export type ServerState = { needs_setup: boolean };
export type NewRoom = { sealed_title: string };
export type InviteState = "unused" | "used" | "revoked" | "expired";
export type InviteView = { invite: string; number: number; state: InviteState; expires_at: number };
export type RoomView = {
  room: string;
  sealed_title: string;
  created_at: number;
  n_waiting: number;
  live: boolean;
  invites: InviteView[];
};
export type NewInvite = {
  invite: string;
  number: number;
  server_auth_hash: string;
  wrapped_room_secret: string;
  expires_at: number;
};
export type Ticket = { ticket: string };
