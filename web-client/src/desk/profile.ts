// The counsellor's card: who the attendee will meet.  Kept sealed on this device; a copy
// goes sealed into each new link.
import type { CounsellorCard } from "../room/card";
import { readCard, writeCard } from "../room/card";
import type { Drawer } from "./drawer";

/** What the counsellor says about themselves. */
export type Profile = Omit<CounsellorCard, "lang">;

const PLACE = "profile";
const PRESET = "preset";

/** The card as it was kept, or as it is at first. */
export async function readProfile(drawer: Drawer, first: Profile): Promise<Profile> {
  const kept = await drawer.read(PLACE);
  const card = typeof kept === "string" ? readCard(kept) : null;
  if (card === null) return first;
  const { name, role, agency, registration, words } = card;
  return { name: name === "" ? first.name : name, role, agency, registration, words };
}

/** Keeps it. */
export function keepProfile(drawer: Drawer, profile: Profile): Promise<void> {
  return drawer.write(PLACE, writeCard({ ...profile, lang: null }));
}

/** What everybody who waits is told first. */
export async function readPreset(drawer: Drawer): Promise<string> {
  const kept = await drawer.read(PRESET);
  return typeof kept === "string" ? kept : "";
}

/** Keeps that, or forgets it. */
export function keepPreset(drawer: Drawer, text: string): Promise<void> {
  return text === "" ? drawer.remove(PRESET) : drawer.write(PRESET, text);
}
