// Every title is as long as every other before it is sealed, so that its length says nothing.

/** With two bytes of length, nonce and tag it stays below SEALED_TITLE_BYTES_MAX (512). */
const TITLE_BYTES_MAX = 480;

/** Titles sealed before there were details beside them: one byte of length. */
const SHORT_TITLE_BYTES = 240;

/** Text as bytes of one length; `null` when it is too long. */
export function padTitle(title: string): Uint8Array<ArrayBuffer> | null {
  const text = new TextEncoder().encode(title);
  if (text.length > TITLE_BYTES_MAX) return null;
  const padded = new Uint8Array(2 + TITLE_BYTES_MAX);
  padded[0] = text.length >> 8;
  padded[1] = text.length & 0xff;
  padded.set(text, 2);
  return padded;
}

/** And back. */
export function unpadTitle(padded: Uint8Array): string {
  const [first = 0, second = 0] = padded;
  const isShort = padded.length === 1 + SHORT_TITLE_BYTES;
  return new TextDecoder().decode(isShort ? padded.subarray(1, 1 + first) : padded.subarray(2, 2 + first * 256 + second));
}
