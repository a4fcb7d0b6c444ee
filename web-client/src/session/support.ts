// Whether this browser can keep the promise.  If it cannot, nobody joins.

/** What is missing; `null` when nothing is. */
export function missing(): "transform" | "wasm" | "socket" | "webrtc" | "secure_context" | null {
  if (!isSecureContext) return "secure_context";
  if (!("RTCPeerConnection" in globalThis)) return "webrtc";
  if (!("RTCRtpScriptTransform" in globalThis)) return "transform";
  if (!("WebAssembly" in globalThis)) return "wasm";
  if (!("WebSocket" in globalThis)) return "socket";
  return null;
}

/** Whether the browser can make a counsellor's identity key. */
export async function hasEd25519(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    return true;
  } catch {
    return false;
  }
}
