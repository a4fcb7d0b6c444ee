// A consent receipt: what was agreed to or taken back, signed by both devices.  The core checked
// the signatures; here its JSON becomes something to draw and to keep.

/** As it is written in a receipt. */
export interface ConsentStatement {
  kind: "agreed" | "withdrawn";
  /** Names the receipt, not the room. A withdrawal has the id of what it takes back. */
  id: string;
  /** Unix seconds by the attendee's clock. */
  at: number;
  version: string;
  language: string;
  items: { name: string; agreed: boolean }[];
}

/** Base64url of an Ed25519 public key and its signature. */
export interface Signed {
  key: string;
  signature: string;
}

/** The whole paper. */
export interface Receipt {
  statement: ConsentStatement;
  attendee: Signed;
  counsellor: Signed;
}

/** A receipt, whose it is, and the JSON to keep: the vault's `verify_receipt` reads it as it is. */
export interface KeptReceipt {
  participant: string | null;
  /** The name the group vouched for when it came. */
  name: string;
  json: string;
  receipt: Receipt;
}

/** The last second that dates can be written of: the attendee's clock is theirs to set. */
const LATEST = 8_640_000_000_000;

/** Most receipts kept on a page, of one participant and of all. */
const OF_ONE_MAX = 16;
const OF_ALL_MAX = 64;

/**
 * Keeps one more, in place of the same one. Everybody in the call sees the ids of the others'
 * receipts: nobody's takes the place of somebody else's, and many of one push out their own.
 */
export function keepReceipt(kept: readonly KeptReceipt[], one: KeptReceipt): KeptReceipt[] {
  const { id, kind } = one.receipt.statement;
  const isSame = ({ participant, receipt: { statement } }: KeptReceipt): boolean => participant === one.participant && statement.id === id && statement.kind === kind;
  const others = kept.filter((other) => !isSame(other));
  const own = others.filter(({ participant }) => participant === one.participant);
  const over = new Set(own.slice(0, Math.max(0, own.length + 1 - OF_ONE_MAX)));
  return [...others.filter((other) => !over.has(other)), one].slice(-OF_ALL_MAX);
}

/** Reads a receipt; `null` when it is none. */
export function readReceipt(json: string): Receipt | null {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isRecord(read) || !isStatement(read["statement"]) || !isSigned(read["attendee"]) || !isSigned(read["counsellor"])) return null;
  return { statement: read["statement"], attendee: read["attendee"], counsellor: read["counsellor"] };
}

function isStatement(value: unknown): value is ConsentStatement {
  if (!isRecord(value)) return false;
  const { kind, id, at, version, language, items } = value;
  const texts = [id, version, language].every((text) => typeof text === "string");
  const dated = typeof at === "number" && Number.isSafeInteger(at) && at >= 0 && at <= LATEST;
  const whole = texts && dated && (kind === "agreed" || kind === "withdrawn");
  return whole && Array.isArray(items) && items.every(isItem) && new Set(items.map(({ name }) => name)).size === items.length;
}

function isItem(value: unknown): value is { name: string; agreed: boolean } {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["agreed"] === "boolean";
}

function isSigned(value: unknown): value is Signed {
  return isRecord(value) && typeof value["key"] === "string" && typeof value["signature"] === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
