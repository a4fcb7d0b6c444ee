// Who knocks that did not knock before, and what the tab's title says about it.
import type { Waiting } from "../protocol/participant";

/** Those in `after` who were not in `before`. */
export function newKnocks(before: readonly Waiting[], after: readonly Waiting[]): Waiting[] {
  const known = new Set(before.map((waiting) => waiting.participant));
  return after.filter((waiting) => !known.has(waiting.participant));
}

/** The title with the count in front, so that a narrow tab shows it. */
export function titleWithCount(title: string, count: number): string {
  return count === 0 ? title : `(${count}) ${title}`;
}
