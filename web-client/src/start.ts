// Wiring: which page this is, and what it is made of.  The only file that constructs things.
import { mount } from "svelte";

import { firstLanguage, keptLanguage, words } from "./i18n/index.svelte";
import { startWorker } from "./session/trusted";
import { VaultLink } from "./session/vault_link";
import vaultUrl from "./vault/worker?worker&url";

/** One function for each, so that no page fetches what only the other needs. */
const VIEWS = {
  client: () => import("./views/Client.svelte"),
  desk: () => import("./views/Desk.svelte"),
};

/** Draws the page. */
export async function start(takeFragment: () => string): Promise<void> {
  const target = document.getElementById("page");
  if (target === null) return;
  const isClient = location.pathname === "/j";
  void words.need(...(isClient ? (["join"] as const) : (["join", "desk", "account"] as const)));
  const [view] = await Promise.all([
    VIEWS[isClient ? "client" : "desk"](),
    words.use(firstLanguage(location.search, keptLanguage(), navigator.languages)),
  ]);
  const isSetup = location.pathname === "/setup";
  mount(view.default, { target, props: { takeFragment, openVault: once(() => new VaultLink(startWorker(vaultUrl))), isSetup } });
  document.documentElement.dataset["ready"] = "";
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
