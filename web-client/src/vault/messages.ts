// What the page and the vault say to each other.  No message carries a key: the only secret
// that ever goes from the vault to the page is a link on the counsellor's own screen.
import type { Input, Output } from "../protocol/participant";
import type { TrackKind } from "../protocol/wire";

/** From the page. */
export type ToVault =
  /** The fragment of the page's address.  The page forgets it after this. */
  | { type: "link"; fragment: string }
  /** Begin as the person the link was made for. */
  | { type: "attend"; name: string; device: Uint8Array<ArrayBuffer> }
  /** Begin as the counsellor.  `numbers` are those of the invites that still count. */
  | { type: "moderate"; room: string; name: string; numbers: number[] }
  /** For the participant core. */
  | { type: "input"; input: Input }
  /** Forget the participant and its keys. */
  | { type: "close" }
  /** A question with one answer. */
  | { type: "ask"; id: number; question: Question };

/** Questions of the desk and of the watchdog. */
export type Question =
  /** Open the counsellor's keys, or make them where there are none. */
  | { type: "open_keys"; account: string }
  /** The link of this number, which was made before. */
  | { type: "make_link"; room: string; number: number }
  /** A new link, of a number that is not `taken`.  `first`: the room was made just now. */
  | { type: "new_link"; room: string; taken: number[]; first: boolean }
  /** Take a link back, whatever the server makes of it. */
  | { type: "revoke_link"; room: string; number: number }
  /** The card of an invite for the server to keep: what its page shows before admission. */
  | { type: "seal_card"; room: string; number: number; card: string }
  /** Opens the card of the page's own link. */
  | { type: "open_card"; sealed: string }
  /** What the server must see of the page's own link before it hands out the card. */
  | { type: "link_rights" }
  /** Whether both signatures of a consent receipt hold. */
  | { type: "verify_receipt"; receipt: string }
  | { type: "seal_title"; title: string }
  | { type: "open_title"; sealed: string }
  | { type: "counters" }
  /** Whether the open keys can go to a second device. */
  | { type: "pair_can" }
  /** From here on they cannot. */
  | { type: "pair_never" }
  /** On the device that has the keys: begins; hears the other one; seals the keys for it. */
  | { type: "pair_begin" }
  | { type: "pair_heard"; hello: string }
  | { type: "pair_seal" }
  /** On the new device: reads the code; hears the answer; keeps the keys. */
  | { type: "pair_read"; account: string; link: string }
  | { type: "pair_answered"; answer: string }
  | { type: "pair_keep"; parcel: string }
  /** On either: nothing of it is kept, and nothing is sealed any more. */
  | { type: "pair_stop" };

/** What each question is answered with. */
export interface Answers {
  open_keys: { created: boolean };
  make_link: InviteMaterials;
  new_link: InviteMaterials & { number: number };
  revoke_link: null;
  seal_card: string;
  /** `null`: not sealed for this link. */
  open_card: string | null;
  link_rights: LinkRights;
  verify_receipt: boolean;
  seal_title: string;
  /** `null`: sealed with keys that are not on this device. */
  open_title: string | null;
  counters: Counters;
  pair_can: boolean;
  pair_never: null;
  pair_begin: { pairing: string; fragment: string };
  pair_heard: { answer: string; code: string };
  pair_seal: string;
  pair_read: { pairing: string; hello: string };
  pair_answered: { code: string };
  pair_keep: null;
  pair_stop: null;
}

/** What the server learns of an invite, and the fragment it never learns. */
export interface InviteMaterials {
  invite: string;
  server_auth_hash: string;
  wrapped_room_secret: string;
  fragment: string;
}

/** What the server learns of a link by being asked for its card. */
export interface LinkRights {
  invite: string;
  server_auth: string;
}

/** From the vault. */
export type FromVault =
  /** The link was read.  `tag` tells links apart and says nothing about them. */
  | { type: "link"; well_formed: boolean; tag: string }
  | { type: "output"; output: Output }
  | { type: "answer"; id: number; value: Answers[keyof Answers] }
  | { type: "refused"; id: number; code: string }
  /** The vault cannot go on: a stable short code. */
  | { type: "failed"; code: string };

/** Options of a transform: which frames it will see. */
export type TransformOptions =
  | { direction: "seal"; kind: TrackKind }
  | { direction: "open"; audio: boolean; slot: number };

/** Frames of one transform, by what became of them. */
export interface FrameCounters {
  /** Sealed, or opened. */
  passed: number;
  /** Refused, by any error, and never passed on. */
  dropped: number;
  /** Stable code of the last refusal. */
  last_code: string | null;
}

/** All transforms, by `transformName`. */
export type Counters = Record<string, FrameCounters>;

/** The key of a transform in `Counters`. */
export function transformName(options: TransformOptions): string {
  return options.direction === "seal" ? options.kind : `slot-${options.slot}`;
}
