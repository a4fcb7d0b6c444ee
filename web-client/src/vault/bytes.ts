// Small things about bytes that the parts of the vault share.

/** One after the other. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A failure with a stable short code. */
export function codedError(code: string): Error {
  return new Error(code);
}
