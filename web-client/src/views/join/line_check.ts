// Whether this device reaches the server in the ways that a conversation needs.
//
// Checked: a request and its answer, and the WebSocket that everything but media goes through.
// The way of picture and sound (UDP to the media port) is tried by reach.ts.
import { socketUrl } from "../../session/socket";

/** How the check ended. */
export type LineCheck =
  | { type: "checking" }
  /** Both ways work; one round trip took so long. */
  | { type: "works"; round_trip_ms: number }
  /** The server answers, but the WebSocket does not open. */
  | { type: "no_socket" }
  | { type: "unreachable" };

/** A round trip that takes longer is felt in a conversation. */
export const SLOW_MS = 400;

const PATIENCE_MS = 8000;

/** Tries both ways; never rejects. */
export async function checkLine(): Promise<LineCheck> {
  try {
    // The first request may pay for the connection; the second one measures the way.
    await request();
    const begun = performance.now();
    await request();
    const round_trip_ms = Math.round(performance.now() - begun);
    return (await opens()) ? { type: "works", round_trip_ms } : { type: "no_socket" };
  } catch {
    return { type: "unreachable" };
  }
}

async function request(): Promise<void> {
  const response = await fetch("/api/state", { cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
  await response.text();
}

function opens(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(socketUrl(location), "aman.v1");
    const end = (works: boolean): void => {
      clearTimeout(timer);
      socket.onopen = socket.onclose = null;
      socket.close(1000);
      resolve(works);
    };
    const timer = setTimeout(() => { end(false); }, PATIENCE_MS);
    socket.onopen = () => { end(true); };
    socket.onclose = () => { end(false); };
  });
}
