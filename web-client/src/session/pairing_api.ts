// Requests about a second device, one function each.
import type { PairingParcel, PairingStep, PairingView } from "../protocol/wire";
import { request } from "./api";

/** The server's HTTP interface to pairings. */
export const pairingApi = {
  begin: (pairing: string) => request("POST", "pairing", { pairing }) as Promise<PairingView>,
  read: (pairing: string) => request("GET", `pairing/${pairing}`) as Promise<PairingView>,
  say: (pairing: string, step: PairingStep, bytes: string) => request("POST", `pairing/${pairing}`, { step, bytes }) as Promise<PairingView>,
  fetch: (pairing: string) => request("POST", `pairing/${pairing}/fetch`) as Promise<PairingParcel>,
  cancel: (pairing: string) => request("DELETE", `pairing/${pairing}`) as Promise<undefined>,
};
