// The counsellor's lasting keys: made here, kept here, never readable as bytes.
//
// - identity: Ed25519, signs the leaf of each room (`IDC` of E2EE.md 1.1);
// - root: an HKDF key (`LM`) from which every room secret, every link and the key of the
//   titles are derived, so that none of them has to be stored.
//
// Both are non-extractable WebCrypto keys in IndexedDB, one pair for each account.
//
// Beside them, for each room: which links were made and which taken back, so that a server that
// forgets either, or gives two rooms one id, cannot make the desk hand out a link twice.  And
// for each room that is open: the note of whom the counsellor let in, so that a
// reload in the middle of a call need not ask again, nor believe the server about it.

import { decodeBase64url, encodeBase64url } from "./base64url";
import { padTitle, unpadTitle } from "./title";

const DATABASE = "aman-vault";
const STORE = "keys";
const encoder = new TextEncoder();

interface KeptKeys {
  identity: CryptoKeyPair;
  identityPublic: Uint8Array<ArrayBuffer>;
  root: CryptoKey;
}

interface KeptNote {
  bytes: Uint8Array;
  /** Epoch milliseconds. */
  at: number;
}

/** What the server must not make us forget about the links of a room. */
interface KeptLinks {
  /** The number of the next one. */
  next: number;
  /** Numbers of those taken back. */
  revoked: number[];
}

/** A note is for one sitting: as long as a counsellor's leaf is good. */
const NOTE_LIFETIME_MS = 12 * 60 * 60 * 1000;

/** The keys of one account. */
export class CounsellorKeys {
  private constructor(
    private readonly account: string,
    private readonly kept: KeptKeys,
    /** Whether they were made just now. */
    readonly created: boolean,
  ) {}

  /** Opens the account's keys, or makes them where there are none. */
  static async open(account: string): Promise<CounsellorKeys> {
    const database = await openDatabase();
    try {
      const kept = await read(database, account);
      if (kept !== undefined) return new CounsellorKeys(account, kept, false);
      // Two tabs may get here at once: the first one to write wins, both read its keys.
      await add(database, account, await makeKeys());
      const won = await read(database, account);
      if (won === undefined) throw new Error("keys were not kept");
      return new CounsellorKeys(account, won, true);
    } finally {
      database.close();
    }
  }

  get identityPublic(): Uint8Array<ArrayBuffer> {
    return this.kept.identityPublic;
  }

  /** Signs with the identity key. */
  async sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.kept.identity.privateKey, bytes));
  }

  /** `R` of E2EE.md 1.1. */
  roomSecret(room: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.derive("room", roomBytes(room));
  }

  /** `L` of invite `number`. */
  linkSecret(room: string, number: number): Promise<Uint8Array<ArrayBuffer>> {
    const counter = new Uint8Array(4);
    new DataView(counter.buffer).setUint32(0, number);
    return this.derive("link", roomBytes(room), counter);
  }

  /** Seals a title for this account alone, padded so that its length says little. */
  async sealTitle(title: string): Promise<string> {
    const padded = padTitle(title);
    if (padded === null) throw codedError("title_too_long");
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await this.titleKey(), padded);
    const whole = new Uint8Array(iv.length + sealed.byteLength);
    whole.set(iv);
    whole.set(new Uint8Array(sealed), iv.length);
    return encodeBase64url(whole);
  }

  /** Opens a title; `null` if it was sealed with other keys. */
  async openTitle(sealed: string): Promise<string | null> {
    const whole = decodeBase64url(sealed);
    if (whole === null || whole.length < 12 + 16 + 1) return null;
    try {
      const params = { name: "AES-GCM", iv: whole.subarray(0, 12) };
      const padded = new Uint8Array(await crypto.subtle.decrypt(params, await this.titleKey(), whole.subarray(12)));
      return unpadTitle(padded);
    } catch {
      return null;
    }
  }

  /** Takes a number for a new link: at least `from`, and one never taken before on this device. */
  async takeNumber(room: string, from: number): Promise<number> {
    let number = from;
    await this.withStore("readwrite", async (store) => {
      const kept = await this.keptLinks(store, room);
      number = Math.max(from, kept.next);
      await finished(store.put({ ...kept, next: number + 1 } satisfies KeptLinks, this.place("links", room)));
    });
    return number;
  }

  /** Whether a link of this room was ever made on this device. */
  hasLinks(room: string): Promise<boolean> {
    return this.withStore("readonly", async (store) => (await this.keptLinks(store, room)).next > 0);
  }

  /** Takes a link back: its knocks do not verify any more, whatever the server says. */
  revoke(room: string, number: number): Promise<void> {
    return this.withStore("readwrite", async (store) => {
      const kept = await this.keptLinks(store, room);
      const revoked = [...new Set([...kept.revoked, number])];
      await finished(store.put({ ...kept, revoked } satisfies KeptLinks, this.place("links", room)));
    });
  }

  /** Numbers of the links that were taken back. */
  revoked(room: string): Promise<number[]> {
    return this.withStore("readonly", async (store) => (await this.keptLinks(store, room)).revoked);
  }

  /** Keeps the note of a room; an empty one is forgotten. */
  keepNote(room: string, bytes: Uint8Array): Promise<void> {
    return this.withStore("readwrite", async (store) => {
      const kept: KeptNote = { bytes, at: Date.now() };
      if (bytes.length === 0) await finished(store.delete(this.place("note", room)));
      else await finished(store.put(kept, this.place("note", room)));
    });
  }

  /** The note of a room, if a page of today left one. */
  note(room: string): Promise<Uint8Array> {
    return this.withStore("readonly", async (store) => {
      const kept = await finished(store.get(this.place("note", room)) as IDBRequest<KeptNote | undefined>);
      const age = kept === undefined ? Infinity : Date.now() - kept.at;
      return kept !== undefined && age >= 0 && age < NOTE_LIFETIME_MS ? kept.bytes : new Uint8Array();
    });
  }

  private async keptLinks(store: IDBObjectStore, room: string): Promise<KeptLinks> {
    const kept = await finished(store.get(this.place("links", room)) as IDBRequest<KeptLinks | undefined>);
    return kept ?? { next: 0, revoked: [] };
  }

  private place(what: "links" | "note", room: string): string {
    return `${what}/${this.account}/${room}`;
  }

  private async withStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
    const database = await openDatabase();
    try {
      return await work(database.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE));
    } finally {
      database.close();
    }
  }

  private titleKey(): Promise<CryptoKey> {
    const params = { name: "HKDF", hash: "SHA-256", salt: SALT, info: encoder.encode("aman/title/v1") };
    return crypto.subtle.deriveKey(params, this.kept.root, { name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
  }

  private async derive(label: string, ...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
    const info = concat(encoder.encode(`aman/${label}/v1`), ...parts);
    const params = { name: "HKDF", hash: "SHA-256", salt: SALT, info };
    return new Uint8Array(await crypto.subtle.deriveBits(params, this.kept.root, 256));
  }
}

const SALT = encoder.encode("aman-lm-v1");

async function makeKeys(): Promise<KeptKeys> {
  const identity = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
  const identityPublic = new Uint8Array(await crypto.subtle.exportKey("raw", identity.publicKey));
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const root = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
  bytes.fill(0);
  return { identity, identityPublic, root };
}

function roomBytes(room: string): Uint8Array {
  const bytes = decodeBase64url(room);
  if (bytes?.length !== 16) throw codedError("bad_room");
  return bytes;
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function codedError(code: string): Error {
  return new Error(code);
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
  return finished(request);
}

function read(database: IDBDatabase, account: string): Promise<KeptKeys | undefined> {
  const store = database.transaction(STORE).objectStore(STORE);
  return finished(store.get(account) as IDBRequest<KeptKeys | undefined>);
}

async function add(database: IDBDatabase, account: string, keys: KeptKeys): Promise<void> {
  const store = database.transaction(STORE, "readwrite", { durability: "strict" }).objectStore(STORE);
  const isThere = await finished(store.getKey(account));
  if (isThere === undefined) await finished(store.put(keys, account));
}

function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("storage"));
    };
  });
}
