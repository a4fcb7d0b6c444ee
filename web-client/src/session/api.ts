// The desk's requests over HTTP, one function each.
import type { ChangeRoom, InviteView, Me, NewInvite, NewRoom, Reject, RoomView, ServerState, Setup, SignIn, Ticket } from "../protocol/wire";

/** The server said no. */
export class Rejected extends Error {
  constructor(readonly reject: Reject) {
    super(reject.code);
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One request; refusals are thrown. */
export async function request(method: Method, path: string, body?: unknown, patience_ms?: number): Promise<unknown> {
  const init: RequestInit = { method, credentials: "same-origin", cache: "no-store", redirect: "error" };
  if (patience_ms !== undefined) init.signal = AbortSignal.timeout(patience_ms);
  if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, init);
  } catch {
    throw new Unreachable();
  }
  const text = await response.text().catch(() => {
    throw new Unreachable();
  });
  if (response.ok) return text === "" ? undefined : JSON.parse(text);
  throw new Rejected(rejectIn(text, response.status));
}

function rejectIn(text: string, status: number): Reject {
  try {
    const parsed = JSON.parse(text) as Partial<Reject> | null;
    if (typeof parsed?.code === "string") return parsed as Reject;
  } catch {
    // Not ours: a proxy in between, perhaps.
  }
  return { code: status === 401 ? "not_signed_in" : "internal" };
}

/** The server's HTTP interface. */
export const api = {
  state: () => request("GET", "state") as Promise<ServerState>,
  me: () => request("GET", "me") as Promise<Me>,
  setup: (setup: Setup) => request("POST", "setup", setup) as Promise<Me>,
  signIn: (signIn: SignIn) => request("POST", "sign-in", signIn) as Promise<Me>,
  signOut: () => request("POST", "sign-out") as Promise<undefined>,
  rooms: () => request("GET", "rooms") as Promise<RoomView[]>,
  newRoom: (room: NewRoom) => request("POST", "rooms", room) as Promise<RoomView>,
  changeRoom: (room: string, change: ChangeRoom) => request("PATCH", `rooms/${room}`, change) as Promise<RoomView>,
  endRoom: (room: string) => request("DELETE", `rooms/${room}`) as Promise<undefined>,
  newInvite: (room: string, invite: NewInvite) => request("POST", `rooms/${room}/invites`, invite) as Promise<InviteView>,
  revoke: (invite: string) => request("DELETE", `invites/${invite}`) as Promise<undefined>,
  ticket: (room: string) => request("POST", `rooms/${room}/ticket`) as Promise<Ticket>,
};
