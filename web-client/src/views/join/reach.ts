// Whether this device's network lets sound and picture through, as far as the device test knows.
//
// It is the way to the media port itself: the server gives the holder of a link what a browser
// needs to try it, and keeps nothing (docs/adr/0007).  It holds nobody up, and where it cannot be
// tried, nothing is said against the network.
import type { Tried } from "../../session/probe";
import { probeIn, tryWay } from "../../session/probe";
import type { CardVault } from "./invitation";

/** How the try went. */
export type Reach = { type: "checking" } | Tried;

/** Tries it; never rejects. */
export async function checkReach(vault: CardVault, post: (path: string, body: unknown) => Promise<unknown>, signal: AbortSignal, tryIt = tryWay): Promise<Reach> {
  try {
    const { invite, server_auth } = await vault.ask({ type: "link_rights" });
    const probe = probeIn(await post(`invites/${invite}/probe`, { server_auth }));
    return probe === null ? { type: "unknown" } : await tryIt(probe, signal);
  } catch {
    return { type: "unknown" };
  }
}
