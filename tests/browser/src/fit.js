// Whether a view fits those who enlarge it, choose its colours, or look for the focus: questions
// that axe does not ask.  Each function runs in the page and returns what is wrong, in words.

/** What the checks below share; `page.evaluate` takes text, and this comes before each. */
const SHARED = `
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const name = (element) => element.dataset?.testid ?? (element.id || (element.textContent ?? "").trim().slice(0, 30) || element.localName);
  const CONTROLS = "button, select, summary, input:not([type=hidden]), textarea, a[href], [role=button]";
  const FOCUSED = CONTROLS + ", [tabindex='0']";
  const modal = () => [...document.querySelectorAll("dialog:modal")].at(-1) ?? null;
  /** What can be used now: a modal dialog makes everything else dead. */
  const offered = (selector) => [...(modal() ?? document).querySelectorAll(selector)].filter((element) => shown(element) && !element.disabled && element.tabIndex >= 0);
  /** A box to tick is seen and pressed by its words as well. */
  const areaOf = (element) => ["checkbox", "radio"].includes(element.type) ? (element.closest("label") ?? element.labels?.[0] ?? element) : element;

  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  /** A colour in any notation as [red, green, blue, alpha]. */
  function colour(text) {
    if (!colours.has(text)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = text;
      pixel.fillRect(0, 0, 1, 1);
      colours.set(text, [...pixel.getImageData(0, 0, 1, 1).data]);
    }
    return colours.get(text);
  }
  function luminance([red, green, blue]) {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  }
  function contrast(one, other) {
    const [dark, light] = [luminance(colour(one)), luminance(colour(other))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }
  function groundOf(element) {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (colour(backgroundColor)[3] > 127) return backgroundColor;
    }
    return "Canvas";
  }
`;

function ask(page, body) {
  return page.evaluate(`(() => { ${SHARED} ${body} })()`);
}

/** In forced colours: controls without an edge, a word or a drawing that can be seen. */
export function unseenControls(page) {
  return ask(page, `
    const found = [];
    for (const control of offered(CONTROLS)) {
      const style = getComputedStyle(control);
      const outside = groundOf(control.parentElement);
      const inside = groundOf(control);
      const sides = ["Top", "Right", "Bottom", "Left"];
      const edged = sides.every((side) => style["border" + side + "Style"] !== "none" && Number.parseFloat(style["border" + side + "Width"]) >= 1 && contrast(style["border" + side + "Color"], outside) >= 3);
      const filled = contrast(inside, outside) >= 3;
      const isField = control.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
      const worded = control.innerText?.trim() && contrast(style.color, inside) >= 4.5;
      const drawn = [...control.querySelectorAll("svg")].some((drawing) => contrast(getComputedStyle(drawing).stroke === "none" ? getComputedStyle(drawing).fill : getComputedStyle(drawing).stroke, inside) >= 3);
      const native = control.matches("[type=checkbox], [type=radio], [type=range]");
      if (!native && !edged && !filled && (isField || !(worded || drawn))) found.push(name(control) + " has nothing to be seen");
    }
    for (const drawing of document.querySelectorAll("svg:not([role=img])")) {
      const { stroke, fill } = getComputedStyle(drawing);
      if (drawing.getClientRects().length === 0 || !shown(drawing) || drawing.closest("dialog") !== modal()) continue;
      const line = stroke === "none" ? fill : stroke;
      if (line !== "none" && contrast(line, groundOf(drawing.parentElement)) < 3) found.push("a drawing in " + name(drawing.parentElement) + " cannot be seen");
    }
    return [...new Set(found)];
  `);
}

/** In forced colours: buttons that look the same whether they are pressed in or not. */
export function pressedUnseen(page) {
  return ask(page, `
    const KINDS = ["borderTopWidth", "borderTopStyle", "borderTopColor", "outlineStyle", "outlineWidth", "backgroundColor", "color", "textDecorationLine", "fontWeight", "boxShadow"];
    const look = (button) => [button, ...button.querySelectorAll("*")].map((part) => KINDS.map((kind) => getComputedStyle(part)[kind]).join() + (part === button ? getComputedStyle(part, "::before").content : "")).join(";");
    const changing = (button) => button.dataset.on !== undefined || button.querySelector("svg") !== null;
    return offered("[aria-pressed]").filter((button) => !changing(button)).flatMap((button) => {
      const now = button.getAttribute("aria-pressed");
      button.style.setProperty("transition", "none");
      const looks = ["true", "false"].map((value) => { button.setAttribute("aria-pressed", value); return look(button); });
      button.setAttribute("aria-pressed", now);
      button.style.removeProperty("transition");
      return looks[0] === looks[1] ? [name(button) + " looks the same pressed and not"] : [];
    });
  `);
}

/** What can have the focus and does not show it. */
export function focusUnseen(page) {
  return ask(page, `
    const before = document.activeElement;
    const drawnBy = (element) => {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
      return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2 && contrast(outlineColor, groundOf(element.parentElement)) >= 3;
    };
    const found = offered(FOCUSED).filter((element) => {
      element.focus({ preventScroll: true });
      if (document.activeElement !== element) return false;
      return !drawnBy(element) && !drawnBy(areaOf(element)) && !drawnBy(element.parentElement);
    });
    before?.focus?.({ preventScroll: true });
    return found.map((element) => name(element) + " has the focus, and nothing shows it");
  `);
}

/** What the page covers with bars, so that the focus is hidden or little is left to read. */
export function covered(page) {
  return ask(page, `
    const found = [];
    const barOf = (element) => {
      for (let at = element; at !== null && at !== document.body && at.localName !== "dialog"; at = at.parentElement) {
        const { position, inset } = getComputedStyle(at);
        const isWhole = at.getBoundingClientRect().height >= innerHeight - 1;
        if ((position === "fixed" || position === "sticky") && !isWhole) return at;
      }
      return null;
    };
    const rows = Array.from({ length: 32 }, (_, n) => ((n + 0.5) * innerHeight) / 32);
    const free = rows.filter((y) => barOf(document.elementFromPoint(innerWidth / 2, y)) === null).length / rows.length;
    if (free < 0.5) found.push("bars leave " + Math.round(free * 100) + " % of the height");

    const exit = document.getElementById("quick-exit");
    const isThere = () => {
      if (exit === null || exit.hidden) return true;
      const { left, right, top, bottom } = exit.getBoundingClientRect();
      return left >= -1 && right <= innerWidth + 1 && top >= -1 && bottom <= innerHeight + 1 && exit.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
    };
    if (!isThere()) found.push("the quick exit is out of reach");

    for (const element of offered(FOCUSED)) {
      // What has the focus already would not be scrolled to.
      document.activeElement?.blur();
      element.focus();
      if (document.activeElement !== element) continue;
      const area = areaOf(element);
      const { left, right, top, bottom } = area.getBoundingClientRect();
      const [x0, x1, y0, y1] = [Math.max(left, 0), Math.min(right, innerWidth), Math.max(top, 0), Math.min(bottom, innerHeight)];
      const isFound = (x, y) => {
        const there = document.elementFromPoint(x, y);
        return there !== null && (area.contains(there) || there.contains(area) && barOf(there) === barOf(area));
      };
      const points = [0.1, 0.5, 0.9].flatMap((h) => [0.1, 0.5, 0.9].map((v) => [x0 + h * (x1 - x0), y0 + v * (y1 - y0)]));
      if (x1 - x0 < 1 || y1 - y0 < 1) found.push(name(element) + " has the focus out of sight");
      else if (!points.some(([x, y]) => isFound(x, y))) found.push(name(element) + " has the focus behind something");
      if (!isThere()) found.push("the quick exit is out of reach while " + name(element) + " has the focus");
    }
    scrollTo(0, 0);
    return [...new Set(found)];
  `);
}

/** Text and controls that are cut off with no way to scroll to them, and what scrolls sideways. */
export function cutOff(page) {
  return ask(page, `
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
      if (element.matches(".unseen, video, canvas, svg, svg *, select, option, textarea, input") || !shown(element)) continue;
      if (modal() !== null && element.closest("dialog") !== modal()) continue;
      const { overflowX, overflowY, position } = getComputedStyle(element);
      const [wide, high] = [element.scrollWidth - element.clientWidth, element.scrollHeight - element.clientHeight];
      if (element.clientWidth <= 1 || element.clientHeight <= 1) continue;
      const scrolls = (kind) => kind === "auto" || kind === "scroll";
      if (scrolls(overflowX) && wide > 1) found.push(name(element) + " scrolls sideways by " + wide + " px");
      const isCut = (kind, by) => (kind === "hidden" || kind === "clip") && by > 4;
      if (isCut(overflowX, wide) || isCut(overflowY, high)) {
        const box = element.getBoundingClientRect();
        const isOut = (part) => [...part.getClientRects()].some(({ left, right, top, bottom }) => right - left > 1 && (bottom > box.bottom + 4 || top < box.top - 4 || right > box.right + 4 || left < box.left - 4));
        const tells = (part) => part.matches(CONTROLS) || [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
        const lost = [...element.querySelectorAll("*")].filter((part) => shown(part) && part.closest(".unseen") === null && tells(part) && isOut(part));
        if (lost.length > 0) found.push(name(lost[0]) + " is cut off");
      }
    }
    // A view that fills the screen and cannot be scrolled must hold everything.
    for (const control of offered(CONTROLS)) {
      let at = control;
      while (at !== null && getComputedStyle(at).position !== "fixed") at = at.parentElement;
      if (at === null || at.scrollHeight > at.clientHeight + 1) continue;
      let scroller = control.parentElement;
      while (scroller !== null && scroller !== at.parentElement && !["auto", "scroll"].includes(getComputedStyle(scroller).overflowY)) scroller = scroller.parentElement;
      if (scroller !== null && scroller !== at.parentElement) continue;
      const { left, right, top, bottom } = areaOf(control).getBoundingClientRect();
      if (right - left > 1 && (bottom > innerHeight + 4 || top < -4 || right > innerWidth + 4 || left < -4)) found.push(name(control) + " is outside the screen and cannot be scrolled to");
    }
    return [...new Set(found)];
  `);
}
