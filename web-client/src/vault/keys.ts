// The counsellor's lasting keys: made here, kept here, used through handles that give no bytes out.
//
// - identity: Ed25519, signs the leaf of each room (`IDC` of E2EE.md 1.1);
// - root: an HKDF key (`LM`) from which every room secret, every link and the key of the
//   titles are derived, so that none of them has to be stored.
//
// Both are non-extractable WebCrypto keys in IndexedDB, one pair for each account.  A sealed copy
// lies beside them, for a second device and nothing else (`key_bytes.ts`), until it is forgotten;
// browsers that made their keys before there was one, have none.
//
// Beside them, for each room: which links were made and which taken back, so that a server that
// forgets either, or gives two rooms one id, cannot make the desk hand out a link twice.  And
// for each room that is open: the note of whom the counsellor let in, so that a
// reload in the middle of a call need not ask again, nor believe the server about it.

import { decodeBase64url, encodeBase64url } from "./base64url";
import { codedError, concat } from "./bytes";
import type { KeyBytes, SealedCopy } from "./key_bytes";
import { handlesOf, newKeyBytes, openCopy, sealCopy, wipe } from "./key_bytes";
import type { KeptLinks, Share } from "./numbers";
import { given, nextNumber, shareFrom, split, WHOLE } from "./numbers";
import { padTitle, unpadTitle } from "./title";

const DATABASE = "aman-vault";
const STORE = "keys";
const encoder = new TextEncoder();

interface KeptKeys {
  /** A pair, where it was made before there were copies. */
  identity: CryptoKey | CryptoKeyPair;
  identityPublic: Uint8Array<ArrayBuffer>;
  root: CryptoKey;
  copy?: SealedCopy;
  /** The numbers of links that are this device's. */
  share?: Share;
}

interface KeptNote {
  bytes: Uint8Array;
  /** Epoch milliseconds. */
  at: number;
}

/** A note is for one sitting: as long as a counsellor's leaf is good. */
const NOTE_LIFETIME_MS = 12 * 60 * 60 * 1000;

/** The keys of one account. */
export class CounsellorKeys {
  private constructor(
    readonly account: string,
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
      await add(database, account, await makeKeys(account));
      const won = await read(database, account);
      if (won === undefined) throw new Error("keys were not kept");
      return new CounsellorKeys(account, won, true);
    } finally {
      database.close();
    }
  }

  /** Whether this browser may take the keys of another device: it has none, or none that were ever used. */
  static async place(account: string): Promise<"free" | "unused" | "used"> {
    const database = await openDatabase();
    try {
      if ((await read(database, account)) === undefined) return "free";
      return (await isUsed(database.transaction(STORE).objectStore(STORE), account)) ? "used" : "unused";
    } finally {
      database.close();
    }
  }

  /**
   * Keeps the keys of another device, in the place of such as were never used.
   * Throws `pair_other_keys` where there are others; the same are no reason to fail.
   */
  static async bring(account: string, keys: KeyBytes, share: Share): Promise<void> {
    const handles = await handlesOf(keys);
    const kept: KeptKeys = { ...handles, copy: await sealCopy(keys, account), share: shareFrom(share) };
    const database = await openDatabase();
    try {
      // Looked at and written in one transaction: another tab may make a link at this moment.
      const store = database.transaction(STORE, "readwrite", { durability: "strict" }).objectStore(STORE);
      const there = await finished(store.get(account) as IDBRequest<KeptKeys | undefined>);
      if (there !== undefined && isSame(there.identityPublic, keys.identityPublic)) return;
      if (there !== undefined && (await isUsed(store, account))) throw codedError("pair_other_keys");
      await finished(store.put(kept, account));
    } finally {
      database.close();
    }
  }

  /** Whether a second device can have them. */
  hasCopy(): Promise<boolean> {
    return this.withStore("readonly", (_, { copy }) => Promise.resolve(copy !== undefined));
  }

  /** From here on no other device can have the keys from this one. */
  async forgetCopy(): Promise<void> {
    await this.withStore("readwrite", async (store, stored) => {
      const rest = { ...stored };
      delete rest.copy;
      await finished(store.put(rest, this.account));
    });
  }

  /** Hands the keys to `work` as bytes, with the numbers of links that go along; wipes them after it. */
  async lend<T>(work: (keys: KeyBytes, share: Share) => Promise<T>): Promise<T> {
    const copy = await this.withStore("readonly", (_, stored) => Promise.resolve(copyIn(stored)));
    const keys = await openCopy(copy, this.account);
    try {
      const lent = await this.withStore("readwrite", async (store, stored) => {
        // It may have been thrown away while it was opened.
        copyIn(stored);
        const { stays, goes } = split(stored.share ?? WHOLE);
        await finished(store.put({ ...stored, share: stays } satisfies KeptKeys, this.account));
        return goes;
      });
      return await work(keys, lent);
    } finally {
      wipe(keys);
    }
  }

  get identityPublic(): Uint8Array<ArrayBuffer> {
    return this.kept.identityPublic;
  }

  /** Signs with the identity key. */
  async sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const { identity } = this.kept;
    const key = "privateKey" in identity ? identity.privateKey : identity;
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, bytes));
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
    // With the keys of today: what others seal nobody could open.
    await this.withStore("readonly", () => Promise.resolve());
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

  /** Takes a number for a new link: none of `taken`, and one never given before on this device. */
  async takeNumber(room: string, taken: readonly number[]): Promise<number> {
    return this.withStore("readwrite", async (store, { share }) => {
      const kept = await this.keptLinks(store, room);
      const number = nextNumber(kept, taken, share ?? WHOLE);
      if (number === null) throw codedError("no_number");
      await finished(store.put(given(kept, number), this.place("links", room)));
      return number;
    });
  }

  /** Whether a link of this room was ever made on this device. */
  hasLinks(room: string): Promise<boolean> {
    return this.withStore("readonly", async (store) => {
      const { next, given = [] } = await this.keptLinks(store, room);
      return next > 0 || given.length > 0;
    });
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

  /**
   * One transaction, with what is stored of the keys now. Another tab may have changed that: each
   * work writes its own field of it. Throws `keys_changed` when other keys are in their place.
   */
  private async withStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore, stored: KeptKeys) => Promise<T>): Promise<T> {
    const database = await openDatabase();
    try {
      const store = database.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE);
      const stored = await finished(store.get(this.account) as IDBRequest<KeptKeys | undefined>);
      if (stored === undefined || !isSame(stored.identityPublic, this.kept.identityPublic)) throw codedError("keys_changed");
      return await work(store, stored);
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

async function makeKeys(account: string): Promise<KeptKeys> {
  const keys = await newKeyBytes();
  try {
    return { ...(await handlesOf(keys)), copy: await sealCopy(keys, account) };
  } finally {
    wipe(keys);
  }
}

function roomBytes(room: string): Uint8Array {
  const bytes = decodeBase64url(room);
  if (bytes?.length !== 16) throw codedError("bad_room");
  return bytes;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, n) => byte === other[n]);
}

function copyIn({ copy }: KeptKeys): SealedCopy {
  if (copy === undefined) throw codedError("pair_no_copy");
  return copy;
}

/** Whether a link was ever made with the account's keys here. */
async function isUsed(store: IDBObjectStore, account: string): Promise<boolean> {
  const prefix = `links/${account}/`;
  return (await finished(store.count(IDBKeyRange.bound(prefix, `${prefix}\uffff`)))) > 0;
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
