// The JavaScript face of crates/participant-wasm, resolved by the plugin in vite.config.ts.
declare module "aman-wasm" {
  /** Loads the module. */
  export default function init(input: { module_or_path: URL | string }): Promise<unknown>;

  /** Address of the module's bytes. */
  export const wasmUrl: string;

  /** One participant.  Methods that can fail throw a stable short code, as a string. */
  export class Participant {
    private constructor();
    static attendee(fragment: string, name: string, device: Uint8Array, nowMs: number, unixSeconds: number): Participant;
    static moderator(draft: ModeratorDraft, signature: Uint8Array, nowMs: number): Participant;
    handleInput(nowMs: number, json: string): void;
    pollOutput(): string | undefined;
    pollTimeout(): number | undefined;
    sealFrame(nowMs: number, kind: "microphone" | "camera", frame: Uint8Array): Uint8Array;
    openFrame(nowMs: number, audio: boolean, frame: Uint8Array): Uint8Array;
    lastOpenedLeaf(): number | undefined;
    /** Whom a moderator let in, for the page after this one; empty for attendees. */
    note(): Uint8Array;
    /** Brings the note of the page before this one, before `start`. */
    recall(note: Uint8Array): void;
    /** To a moderator: a link that was made during this sitting. */
    addInvite(number: number, linkSecret: Uint8Array): void;
    free(): void;
  }

  /** A moderator before the identity key has signed its leaf. */
  export class ModeratorDraft {
    constructor(
      room: string,
      name: string,
      roomSecret: Uint8Array,
      idcPublic: Uint8Array,
      linkSecrets: Uint8Array,
      nowMs: number,
      unixSeconds: number,
    );
    toSign(): Uint8Array;
  }

  /** JSON of `LinkRights` in messages.ts. Throws `bad_link`. */
  export function linkRights(fragment: string): string;
  /** The card of an invite, sealed, as base64url. Throws `bad_length`. */
  export function sealCard(linkSecret: Uint8Array, card: string): string;
  /** `undefined`: not sealed for this link. */
  export function openCard(fragment: string, sealed: string): string | undefined;
  /** Whether both signatures of a consent receipt hold. */
  export function verifyReceipt(receipt: string): boolean;

  /** JSON of `InviteMaterials` in messages.ts. */
  export function inviteMaterials(room: string, linkSecret: Uint8Array, roomSecret: Uint8Array, idcPublic: Uint8Array): string;
}
