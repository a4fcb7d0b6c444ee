// How the keys of a counsellor get to her second device (docs/protocol.md, "A second device").
//
// A secret goes from the screen of the old device to the camera of the new one, and never to the
// server.  With it goes a hash of the public key that the old device made for this once.
//
//   new → old   its public key                       (`hello`)
//   old → new   the public key behind the hash       (`answer`)
//   both show   six digits of secret and both keys; a person compares them
//   old → new   the keys, sealed under secret and Diffie-Hellman   (`parcel`)
//
// So a photograph of the code is not enough, not even together with the server: who stands in
// between has to choose a key before seeing the other one, and the digits differ but once in a
// million.  And whoever has kept the parcel opens it with nothing that is found later.

import { decodeBase64url, encodeBase64url } from "./base64url";
import { codedError, concat } from "./bytes";
import type { KeyBytes } from "./key_bytes";
import { splitKeys } from "./key_bytes";
import type { Share } from "./numbers";

/** `pair.1.<32 bytes>.<16 bytes>`. */
const LINK = /^pair\.1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{22})$/;

/** An uncompressed point of P-256. */
const POINT_BYTES = 65;

/** What is sealed always has this length, whatever will be in it. */
const PARCEL_BYTES = 256;
const VERSION = 1;

const encoder = new TextEncoder();
const SALT = encoder.encode("aman-pair-v1");
const CURVE = { name: "ECDH", namedCurve: "P-256" };

/** What is known on either side once it began. */
interface Side {
  account: string;
  /** Its name at the server. */
  pairing: string;
  secret: Uint8Array<ArrayBuffer>;
  own: CryptoKeyPair;
  ownPoint: Uint8Array<ArrayBuffer>;
}

/** The device that has the keys. */
export class OldDevice {
  private other: Uint8Array<ArrayBuffer> | undefined;

  private constructor(
    private readonly side: Side,
    /** For the code on the screen. */
    readonly fragment: string,
  ) {}

  static async begin(account: string): Promise<OldDevice> {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const side = await sideOf(account, secret);
    const fragment = `pair.1.${encodeBase64url(secret)}.${encodeBase64url(await commitment(side.ownPoint))}`;
    return new OldDevice(side, fragment);
  }

  get pairing(): string {
    return this.side.pairing;
  }

  /** The new device came.  Once: nobody gets to try a second key. */
  async heard(hello: string): Promise<{ answer: string; code: string }> {
    if (this.other !== undefined) throw codedError("pair_wrong");
    this.other = pointIn(hello);
    return { answer: encodeBase64url(this.side.ownPoint), code: await codeOf(this.side.secret, this.side.ownPoint, this.other) };
  }

  /** The digits were the same: the keys for the new device, and the numbers of links it may begin with. */
  async seal(keys: KeyBytes, share: Share): Promise<string> {
    if (this.other === undefined) throw codedError("pair_wrong");
    const key = await parcelKey(this.side, this.other, this.side.ownPoint, this.other, "encrypt");
    const plain = new Uint8Array(PARCEL_BYTES);
    plain.set(concat(new Uint8Array([VERSION, share.start, share.width]), keys.seed, keys.identityPublic, keys.root));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: boundTo(this.side) }, key, plain);
    plain.fill(0);
    return encodeBase64url(concat(iv, new Uint8Array(sealed)));
  }
}

/** The device that is to have them. */
export class NewDevice {
  private other: Uint8Array<ArrayBuffer> | undefined;

  private constructor(
    private readonly side: Side,
    private readonly expected: Uint8Array,
  ) {}

  /** Reads what the camera saw. Throws `pair_bad_link`. */
  static async begin(account: string, fragment: string): Promise<NewDevice> {
    const [, secretText = "", expectedText = ""] = LINK.exec(fragment.replace(/^#/, "")) ?? [];
    const [secret, expected] = [decodeBase64url(secretText), decodeBase64url(expectedText)];
    if (secret?.length !== 32 || expected?.length !== 16) throw codedError("pair_bad_link");
    return new NewDevice(await sideOf(account, secret), expected);
  }

  get pairing(): string {
    return this.side.pairing;
  }

  get hello(): string {
    return encodeBase64url(this.side.ownPoint);
  }

  /** The old device answered; the digits to compare. Throws `pair_wrong` if it was another one. */
  async answered(answer: string): Promise<string> {
    const other = pointIn(answer);
    const found = await commitment(other);
    if (!found.every((byte, n) => byte === this.expected[n])) throw codedError("pair_wrong");
    this.other = other;
    return codeOf(this.side.secret, other, this.side.ownPoint);
  }

  /** Opens the keys. Throws `pair_wrong` whatever is not right about them. */
  async open(parcel: string): Promise<{ keys: KeyBytes; share: Share }> {
    const sealed = decodeBase64url(parcel);
    if (this.other === undefined || sealed?.length !== 12 + PARCEL_BYTES + 16) throw codedError("pair_wrong");
    const key = await parcelKey(this.side, this.other, this.other, this.side.ownPoint, "decrypt");
    const params = { name: "AES-GCM", iv: sealed.subarray(0, 12), additionalData: boundTo(this.side) };
    const opened = await crypto.subtle.decrypt(params, key, sealed.subarray(12)).catch(() => null);
    if (opened === null) throw codedError("pair_wrong");
    const plain = new Uint8Array(opened);
    const [version, start = 0, width = 1] = plain;
    if (version !== VERSION) throw codedError("pair_wrong");
    const keys = splitKeys(plain.slice(3, 99));
    plain.fill(0);
    return { keys, share: { start, width } };
  }
}

async function sideOf(account: string, secret: Uint8Array<ArrayBuffer>): Promise<Side> {
  const own = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const ownPoint = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  return { account, pairing: encodeBase64url(await derive(secret, "id", 16)), secret, own, ownPoint };
}

/** What the code on the screen says of the old device's key. */
async function commitment(point: Uint8Array): Promise<Uint8Array> {
  const hash = await crypto.subtle.digest("SHA-256", concat(encoder.encode("aman/pair-commit/v1"), point));
  return new Uint8Array(hash).subarray(0, 16);
}

/** Six digits. */
async function codeOf(secret: Uint8Array<ArrayBuffer>, oldPoint: Uint8Array, newPoint: Uint8Array): Promise<string> {
  const bytes = await derive(secret, "code", 8, oldPoint, newPoint);
  const number = new DataView(bytes.buffer).getBigUint64(0) % 1_000_000n;
  return number.toString().padStart(6, "0");
}

/** Under which the keys travel: of the secret and of both ephemeral keys. */
async function parcelKey(side: Side, other: Uint8Array<ArrayBuffer>, oldPoint: Uint8Array, newPoint: Uint8Array, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  // A point that is not on the curve is refused here.
  const otherKey = await crypto.subtle.importKey("raw", other, CURVE, false, []).catch(() => {
    throw codedError("pair_wrong");
  });
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: otherKey }, side.own.privateKey, 256));
  const both = concat(side.secret, shared);
  const bytes = await derive(both, "parcel", 32, oldPoint, newPoint);
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, [usage]);
  for (const one of [shared, both, bytes]) one.fill(0);
  return key;
}

/** Account and pairing: what was sealed for another one does not open. */
function boundTo({ account, pairing }: Side): Uint8Array<ArrayBuffer> {
  return encoder.encode(`aman/pair-parcel/v1/${account}/${pairing}`);
}

async function derive(secret: Uint8Array<ArrayBuffer>, label: string, bytes: number, ...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const info = concat(encoder.encode(`aman/pair-${label}/v1`), ...parts);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: SALT, info }, key, 8 * bytes));
}

function pointIn(text: string): Uint8Array<ArrayBuffer> {
  const point = decodeBase64url(text);
  if (point?.length !== POINT_BYTES || point[0] !== 4) throw codedError("pair_wrong");
  return point;
}
