// The counsellor's two lasting keys as bytes: only while they are made, and while they go to a
// second device.  Everything else works with handles that give no bytes out.
//
// Beside the handles a browser keeps the same keys sealed (`SealedCopy`), for a second device
// alone, under a key that can open and do nothing else.  Whoever may run code of ours in this
// browser profile could open that too: it can be thrown away (docs/adr/0009).

import { codedError, concat } from "./bytes";

/** Both keys, readable. Wiped by whoever holds them as soon as they are used. */
export interface KeyBytes {
  /** The 32 bytes of an Ed25519 private key (RFC 8032 section 5.1.5). */
  seed: Uint8Array<ArrayBuffer>;
  identityPublic: Uint8Array<ArrayBuffer>;
  root: Uint8Array<ArrayBuffer>;
}

/** Both keys, as handles. */
export interface KeyHandles {
  identity: CryptoKey;
  identityPublic: Uint8Array<ArrayBuffer>;
  root: CryptoKey;
}

/** Both keys, sealed for a second device. */
export interface SealedCopy {
  /** Can decrypt, and do nothing else. */
  key: CryptoKey;
  iv: Uint8Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What comes before the seed in PKCS #8 (RFC 8410 section 7). */
const PKCS8_HEAD = new Uint8Array([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);

const COPY_LABEL = new TextEncoder().encode("aman/keys-copy/v1");
const PROBE = new TextEncoder().encode("aman/keys-probe/v1");

/** New keys. */
export async function newKeyBytes(): Promise<KeyBytes> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const [pkcs8, raw] = await Promise.all([crypto.subtle.exportKey("pkcs8", pair.privateKey), crypto.subtle.exportKey("raw", pair.publicKey)]);
  const seed = new Uint8Array(pkcs8).slice(PKCS8_HEAD.length, PKCS8_HEAD.length + 32);
  new Uint8Array(pkcs8).fill(0);
  return { seed, identityPublic: new Uint8Array(raw), root: crypto.getRandomValues(new Uint8Array(32)) };
}

/** Handles that give no bytes out. Throws when the two halves of the identity do not belong together. */
export async function handlesOf({ seed, identityPublic, root }: KeyBytes): Promise<KeyHandles> {
  const pkcs8 = concat(PKCS8_HEAD, seed);
  const handles = {
    identity: await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]),
    identityPublic: identityPublic.slice(),
    root: await crypto.subtle.importKey("raw", root, "HKDF", false, ["deriveBits", "deriveKey"]),
  };
  pkcs8.fill(0);
  const publicKey = await crypto.subtle.importKey("raw", identityPublic, "Ed25519", false, ["verify"]);
  const signature = await crypto.subtle.sign("Ed25519", handles.identity, PROBE);
  if (!(await crypto.subtle.verify("Ed25519", publicKey, signature, PROBE))) throw codedError("pair_wrong");
  return handles;
}

/** The copy for a second device. */
export async function sealCopy(keys: KeyBytes, account: string): Promise<SealedCopy> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const sealing = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["decrypt"]);
  bytes.fill(0);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = concat(keys.seed, keys.identityPublic, keys.root);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: labelFor(account) }, sealing, plain);
  plain.fill(0);
  return { key, iv, bytes: new Uint8Array(sealed) };
}

/** Opens it. Throws `pair_no_copy` when it is not of this account. */
export async function openCopy({ key, iv, bytes }: SealedCopy, account: string): Promise<KeyBytes> {
  try {
    const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: labelFor(account) }, key, bytes));
    return splitKeys(plain);
  } catch {
    throw codedError("pair_no_copy");
  }
}

/** 96 bytes, taken apart and wiped. */
export function splitKeys(plain: Uint8Array<ArrayBuffer>): KeyBytes {
  const keys = { seed: plain.slice(0, 32), identityPublic: plain.slice(32, 64), root: plain.slice(64, 96) };
  plain.fill(0);
  return keys;
}

/** Forgets the bytes. */
export function wipe({ seed, root }: KeyBytes): void {
  seed.fill(0);
  root.fill(0);
}

function labelFor(account: string): Uint8Array<ArrayBuffer> {
  return concat(COPY_LABEL, new TextEncoder().encode(account));
}
