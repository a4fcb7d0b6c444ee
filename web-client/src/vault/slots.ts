// Whose frames each slot may carry.
//
// The server says which participant's track is on which slot; the group says which leaf that
// participant has.  Together they tell the opener whose seal to expect.  If the server lies
// about either, frames are dropped, not shown under a wrong name.

import type { Other } from "../protocol/participant";
import type { OfferedSlot, SlotBinding } from "../protocol/wire";

/** Knows the leaf of every slot. */
export class Slots {
  private mids: string[] = [];
  private publishers = new Map<string, string>();
  private leaves = new Map<string, number>();

  /** The page offered these slots, in the order of its transforms. */
  offered(slots: OfferedSlot[]): void {
    this.mids = slots.map((slot) => slot.mid);
    this.publishers.clear();
  }

  /** The server bound slots: all of them, each time. */
  bound(bindings: SlotBinding[]): void {
    this.publishers = new Map(bindings.map((binding) => [binding.mid, binding.publisher]));
  }

  /** The group vouches for these. */
  members(others: Other[]): void {
    this.leaves.clear();
    for (const other of others) {
      if (other.leaf !== null) this.leaves.set(other.participant, other.leaf);
    }
  }

  /** The leaf whose seal frames on slot number `slot` must bear, if that is known. */
  leafOn(slot: number): number | undefined {
    const mid = this.mids[slot];
    const publisher = mid === undefined ? undefined : this.publishers.get(mid);
    return publisher === undefined ? undefined : this.leaves.get(publisher);
  }
}
