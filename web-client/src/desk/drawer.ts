// What the counsellor keeps on this device alone, sealed: profile, notes, records.
//
// One AES-GCM key for each account, non-extractable, kept beside what it seals.  So the
// disk holds no plain text, and nothing can be carried away and read elsewhere.  Whoever
// can run this page in this browser profile can open it: the device's lock is the outer door.
//
// Each value is bound to its place: what is moved to another place does not open.
import type { Shelf } from "./shelf";

interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  bytes: ArrayBuffer;
}

const encoder = new TextEncoder();

/** Longest value, as JSON text. */
export const DRAWER_TEXT_MAX = 200_000;

/** The drawer of one account. */
export class Drawer {
  private key: Promise<CryptoKey> | undefined;

  constructor(
    private readonly shelf: Shelf,
    private readonly account: string,
  ) {}

  /** What is in a place; `null` when it is empty or cannot be opened. */
  async read(place: string): Promise<unknown> {
    const sealed = (await this.shelf.get(this.name(place))) as Sealed | undefined;
    if (sealed === undefined) return null;
    const params = { name: "AES-GCM", iv: sealed.iv, additionalData: encoder.encode(place) };
    try {
      const opened = await crypto.subtle.decrypt(params, await this.openKey(), sealed.bytes);
      return JSON.parse(new TextDecoder().decode(opened)) as unknown;
    } catch {
      return null;
    }
  }

  /** Puts a value in its place. */
  async write(place: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (text.length > DRAWER_TEXT_MAX) throw new Error("too_long");
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const params = { name: "AES-GCM", iv, additionalData: encoder.encode(place) };
    const bytes = await crypto.subtle.encrypt(params, await this.openKey(), encoder.encode(text));
    await this.shelf.put(this.name(place), { iv, bytes } satisfies Sealed);
  }

  remove(place: string): Promise<void> {
    return this.shelf.remove(this.name(place));
  }

  /** Places that begin with `prefix` and are not empty. */
  async places(prefix: string): Promise<string[]> {
    const base = this.name("");
    return (await this.shelf.names(base + prefix)).map((name) => name.slice(base.length)).sort();
  }

  /** Empties every place that begins with one of these. */
  async wipe(...prefixes: string[]): Promise<void> {
    for (const prefix of prefixes) for (const place of await this.places(prefix)) await this.remove(place);
  }

  /** Empties everything and throws the key away: what a disk still holds opens no more. */
  async destroy(): Promise<void> {
    await this.wipe("");
    this.key = undefined;
    await this.shelf.remove(this.keyName);
  }

  private get keyName(): string {
    return `key/${this.account}`;
  }

  private name(place: string): string {
    return `sealed/${this.account}/${place}`;
  }

  private openKey(): Promise<CryptoKey> {
    this.key ??= this.findKey().catch((thrown: unknown) => {
      this.key = undefined;
      throw thrown;
    });
    return this.key;
  }

  private async findKey(): Promise<CryptoKey> {
    const there = await this.shelf.get(this.keyName);
    if (there !== undefined) return there as CryptoKey;
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    // Two tabs may get here at once: both take the key of the first.
    return (await this.shelf.putFirst(this.keyName, fresh)) as CryptoKey;
  }
}
