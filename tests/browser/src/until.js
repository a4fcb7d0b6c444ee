// Waiting for a condition, never for a time.  What is missing is said when patience ends.

/** Most that anything in these tests may take, in milliseconds. */
export const PATIENCE = 30_000;

/**
 * Asks `condition` until its answer is true (or anything but null, undefined and false).
 * A string answer says what is still missing.
 */
export async function until(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    last = await condition();
    if (last !== null && last !== undefined && last !== false && typeof last !== "string") return last;
    if (Date.now() > end) throw new Error(`not after ${patience} ms: ${what} (last: ${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
