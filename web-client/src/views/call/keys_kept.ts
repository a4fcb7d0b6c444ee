// Whether single keys act in a call (WCAG 2.1.4), kept for this tab.

const KEPT = "aman-keys";

/** They do, unless the person switched them off in this tab. */
export function keptKeys(): boolean {
  try {
    return sessionStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

/** Remembers it. */
export function keepKeys(on: boolean): void {
  try {
    sessionStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // No storage: until the page is closed.
  }
}
