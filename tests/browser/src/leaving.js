// The quick exit, and what is left of the page one frame later.
import { byId } from "./people.js";

/** Lets the page remember its microphone and camera; before the page is opened. */
export function rememberDevices(page) {
  return page.evaluateOnNewDocument(() => {
    globalThis.taken = [];
    const devices = navigator.mediaDevices;
    const take = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
      const stream = await take(wanted);
      globalThis.taken.push(...stream.getTracks());
      return stream;
    };
  });
}

/** Presses the quick exit; what is still seen in the next frame, and which devices still work. */
export function pressExit(page) {
  return leave(page, (selector) => document.querySelector(selector).click(), byId("quick-exit"));
}

/** Presses Shift three times instead. */
export function pressShift(page) {
  return leave(page, () => {
    for (let n = 0; n < 3; n += 1) {
      for (const type of ["keydown", "keyup"]) dispatchEvent(new KeyboardEvent(type, { key: "Shift", bubbles: true }));
    }
  });
}

/** `press` runs in the page; what it led to is looked at before the other page can come. */
function leave(page, press, ...arguments_) {
  const script = `async (...given) => {
    const taken = globalThis.taken.length;
    const inCall = document.querySelector("[data-testid=tile-remote]") !== null;
    (${press.toString()})(...given);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const seen = [];
    for (let x = 4; x < innerWidth; x += 32) {
      for (let y = 4; y < innerHeight; y += 32) {
        const top = document.elementFromPoint(x, y);
        if (top !== null && top.id !== "cover" && top !== document.documentElement && top !== document.body) seen.push(top.localName);
      }
    }
    return {
      inCall,
      taken,
      seen: [...new Set(seen)],
      words: document.body.innerText.trim(),
      live: globalThis.taken.filter((track) => track.readyState === "live").map((track) => track.kind),
      playing: [...document.querySelectorAll("video, audio")].filter((element) => element.srcObject !== null && !element.paused).length,
      title: document.title,
    };
  }`;
  return page.evaluate(`(${script})(${arguments_.map((one) => JSON.stringify(one)).join()})`);
}
