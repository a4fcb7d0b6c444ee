// The number on the icon of the desk, where the browser can show one (Badging API).

interface Badged {
  setAppBadge?: (count: number) => Promise<void>;
  clearAppBadge?: () => Promise<void>;
}

/** Shows how many wait. */
export function showBadge(count: number): void {
  const badged = navigator as Badged;
  const done = count === 0 ? badged.clearAppBadge?.() : badged.setAppBadge?.(count);
  done?.catch(() => undefined);
}
