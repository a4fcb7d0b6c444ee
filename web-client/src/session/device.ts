// Sixteen random bytes that tell this tab from another device with the same link.
// They live as long as the tab, and are made anew for each link, so that nobody can tell
// by them that two links were opened by one person.

const PREFIX = "aman-device-";

/** The bytes for the link with this tag. */
export function deviceFor(tag: string): Uint8Array<ArrayBuffer> {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  try {
    const kept = sessionStorage.getItem(PREFIX + tag)?.split(",").map(Number);
    if (kept?.length === 16 && kept.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)) return Uint8Array.from(kept);
    sessionStorage.setItem(PREFIX + tag, bytes.join(","));
  } catch {
    // No storage in this browser: the tab is a new device each time.
  }
  return bytes;
}
