// The one address that may become a script at run time: the vault's own.

interface ScriptUrlPolicy {
  createScriptURL(url: string): unknown;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): ScriptUrlPolicy;
}

/** Starts a worker from this origin, and from nowhere else. */
export function startWorker(url: string): Worker {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("aman", { createScriptURL: ownUrl });
  const trusted = policy?.createScriptURL(url) ?? ownUrl(url);
  return new Worker(trusted as string, { type: "module", name: "vault" });
}

function ownUrl(url: string): string {
  const { origin, href } = new URL(url, location.href);
  if (origin !== location.origin) throw new TypeError("a script from elsewhere");
  return href;
}
