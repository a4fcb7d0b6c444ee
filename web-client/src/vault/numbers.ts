// Which number does the next link of a room get?
//
// A link follows from its number, so one number given twice would be one link for two people.
// The server refuses that, but must not be what it hangs on.  Each device remembers its own, and
// devices that were paired begin at different numbers: as long as each makes fewer for one room
// than its share, no server can make two of them give out the same.

/** Numbers there are: INVITES_PER_ROOM_MAX of crates/protocol. */
export const INVITES_MAX = 16;

/** Where a device begins, and how many numbers it has before those of another one. */
export interface Share {
  start: number;
  width: number;
}

/** The share of a device that nothing was shared with. */
export const WHOLE: Share = { start: 0, width: INVITES_MAX };

/** What the server must not make us forget about the links of a room. */
export interface KeptLinks {
  /** Every number below was given. */
  next: number;
  /** Others that were. */
  given?: number[];
  /** Numbers of those taken back. */
  revoked: number[];
}

/** Half for the device that is paired, half stays. */
export function split({ start, width }: Share): { stays: Share; goes: Share } {
  const half = Math.max(1, width >> 1);
  return { stays: { start, width: half }, goes: { start: (start + half) % INVITES_MAX, width: half } };
}

/** A share as another device sent it; nonsense is the whole. */
export function shareFrom({ start, width }: Share): Share {
  return start < INVITES_MAX && width >= 1 && width <= INVITES_MAX ? { start, width } : WHOLE;
}

/** The next number that neither we nor the server know; `null` when there is none. */
export function nextNumber(kept: KeptLinks, taken: readonly number[], { start }: Share): number | null {
  const inOrder = Array.from({ length: INVITES_MAX }, (_, n) => (start + n) % INVITES_MAX);
  const isFree = (number: number): boolean => number >= kept.next && kept.given?.includes(number) !== true && !taken.includes(number);
  return inOrder.find(isFree) ?? null;
}

/** Remembers that a number was given. */
export function given(kept: KeptLinks, number: number): KeptLinks {
  if (number === kept.next) return { ...kept, next: number + 1 };
  return { ...kept, given: [...(kept.given ?? []), number] };
}
