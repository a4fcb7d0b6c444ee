// Whether datagrams come through to the server's media port and back, tried before anybody is
// let in (docs/adr/0007).  It is a peer connection of which only the first step happens: the
// answer is written here, with the names the server gave for it, and as soon as ICE has said yes
// or no it is closed.  No camera, no microphone, nothing of the person is part of it.
import type { Probe } from "../protocol/wire";

/** How it ended. */
export type Tried =
  /** Datagrams came through; one round trip took so long, if the browser says. */
  | { type: "works"; round_trip_ms: number | null }
  | { type: "blocked" }
  /** It could not be tried. */
  | { type: "unknown" };

/** A browser asks again and again in that time; nobody waits for it. */
const PATIENCE_MS = 8000;

/** More addresses than a server has. */
const CANDIDATES_MAX = 16;

/** Looked at by ICE, and by nobody else: DTLS never begins. */
const FINGERPRINT = Array.from({ length: 32 }, () => "00").join(":");

/** Reads what the server gave; `null` when it is nothing that may become lines of an answer. */
export function probeIn(answer: unknown): Probe | null {
  const { ufrag, password, candidates } = (answer ?? {}) as Record<string, unknown>;
  // RFC 8445 section 5.3.
  if (typeof ufrag !== "string" || !/^[A-Za-z0-9+/]{4,256}$/.test(ufrag)) return null;
  if (typeof password !== "string" || !/^[A-Za-z0-9+/]{22,256}$/.test(password)) return null;
  if (!Array.isArray(candidates) || candidates.length === 0 || candidates.length > CANDIDATES_MAX) return null;
  const read = candidates.map((one: unknown) => {
    const { ip, port } = (one ?? {}) as Record<string, unknown>;
    const isPort = typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536;
    return isPort && typeof ip === "string" && /^[0-9A-Fa-f.:]{2,45}$/.test(ip) ? { ip, port } : null;
  });
  return read.includes(null) ? null : { ufrag, password, candidates: read.filter((one) => one !== null) };
}

/** The answer that the server would have written. */
export function answerOf({ ufrag, password, candidates }: Probe): string {
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "a=ice-lite",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    // The other side would have to say hello, and does not.
    "a=setup:active",
    "a=sctp-port:5000",
    // RFC 8445 section 5.1.2.1: host candidates, the first the best.
    ...candidates.map(({ ip, port }, n) => `a=candidate:${n + 1} 1 udp ${2_130_706_431 - 256 * n} ${ip} ${port} typ host`),
    "a=end-of-candidates",
  ];
  return lines.map((line) => `${line}\r\n`).join("");
}

/** Tries the way; never rejects.  Whoever aborts learns nothing, and nothing is left of it. */
export async function tryWay(probe: Probe, signal: AbortSignal, connect = () => new RTCPeerConnection({ iceServers: [] })): Promise<Tried> {
  let connection: RTCPeerConnection | null = null;
  try {
    connection = connect();
    connection.createDataChannel("probe");
    await connection.setLocalDescription();
    await connection.setRemoteDescription({ type: "answer", sdp: answerOf(probe) });
    const came = await through(connection, signal);
    if (came === null) return { type: "unknown" };
    return came ? { type: "works", round_trip_ms: await roundTrip(connection) } : { type: "blocked" };
  } catch {
    return { type: "unknown" };
  } finally {
    connection?.close();
  }
}

/** Whether ICE connects in time; `null` when nobody wants to know any more. */
function through(connection: RTCPeerConnection, signal: AbortSignal): Promise<boolean | null> {
  return new Promise((resolve) => {
    const end = (came: boolean | null): void => {
      clearTimeout(timer);
      connection.oniceconnectionstatechange = null;
      signal.onabort = null;
      resolve(came);
    };
    const look = (): void => {
      const state = connection.iceConnectionState;
      if (state === "connected" || state === "completed") end(true);
      if (state === "failed" || state === "closed") end(false);
    };
    const timer = setTimeout(() => { end(false); }, PATIENCE_MS);
    connection.oniceconnectionstatechange = look;
    signal.onabort = () => { end(null); };
    look();
    if (signal.aborted) end(null);
  });
}

async function roundTrip(connection: RTCPeerConnection): Promise<number | null> {
  let shortest: number | null = null;
  const all = await connection.getStats();
  all.forEach((stats: { type: string; state?: string; currentRoundTripTime?: number }) => {
    if (stats.type !== "candidate-pair" || stats.state !== "succeeded" || stats.currentRoundTripTime === undefined) return;
    const ms = Math.max(1, Math.round(stats.currentRoundTripTime * 1000));
    shortest = shortest === null ? ms : Math.min(shortest, ms);
  });
  return shortest;
}
