// Draws one scene of the gallery: `gallery.html?scene=NAME&lang=en|ar|zh`.
import { mount } from "svelte";

import { firstLanguage, words } from "../src/i18n/index.svelte";
import Gallery from "./Gallery.svelte";

const target = document.getElementById("page");
await words.need("join", "call", "desk", "account");
await words.use(firstLanguage(location.search, null, []));
if (target !== null) mount(Gallery, { target, props: { scene: new URLSearchParams(location.search).get("scene") ?? "" } });
document.documentElement.dataset["ready"] = "";
