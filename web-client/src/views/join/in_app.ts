// Whether this page was opened inside another app, and how one gets out of there.
//
// Such apps draw pages in a browser of their own, which often has no camera, loses the page when
// the app is left, and can be read by the app.  The user agent is what they say about themselves;
// an app that says nothing is not recognised, and then `missing()` says what it lacks.
import type { Key } from "../../i18n/en";

/** Apps that are known by name. */
export type AppName = "wechat" | "messenger" | "facebook" | "instagram" | "linkedin" | "tiktok" | "line" | "snapchat" | "qq" | "weibo" | "x" | "other";

/** The app, and what it runs on. */
export interface InApp {
  app: AppName;
  system: "ios" | "android" | "other";
}

// The first that matches counts: Messenger also calls itself Facebook, and QQ's browser, which is
// a whole one, calls itself nearly like QQ.
const SIGNS: readonly (readonly [RegExp, AppName])[] = [
  [/MicroMessenger\//i, "wechat"],
  [/\bFBAN\/Messenger|\bFB_IAB\/(?:MESSENGER|Orca)|\bMessengerForiOS|\bFBAN\/MessengerLite/i, "messenger"],
  [/\bInstagram\b/i, "instagram"],
  [/\bFBAN\/|\bFBAV\/|\bFB_IAB\//i, "facebook"],
  [/\bLinkedInApp\b/i, "linkedin"],
  [/\bBytedanceWebview\b|\bmusical_ly|\bTikTok\b|\btrill_|\baweme/i, "tiktok"],
  [/\bLine\/[\d.]+/, "line"],
  [/\bSnapchat\b/i, "snapchat"],
  [/\bWeibo\b|__weibo__/i, "weibo"],
  [/\bQQ\/[\d.]+/, "qq"],
  [/\bTwitter(?: for|Android)\b/i, "x"],
  // A web view of Android says so itself (developer.android.com, "WebView user agent").
  [/\bAndroid\b.*; wv\)/, "other"],
];

/** The app this page was opened in; `null` in a browser. */
export function inApp(userAgent: string): InApp | null {
  const found = SIGNS.find(([sign]) => sign.test(userAgent));
  if (found !== undefined) return { app: found[1], system: systemOf(userAgent) };
  // Web views of iOS leave out "Safari", which every browser there has.
  if (/\b(?:iPhone|iPad|iPod)\b.*AppleWebKit/.test(userAgent) && !/Safari\//.test(userAgent)) return { app: "other", system: "ios" };
  return null;
}

function systemOf(userAgent: string): InApp["system"] {
  if (/\b(?:iPhone|iPad|iPod)\b/.test(userAgent)) return "ios";
  return /\bAndroid\b/.test(userAgent) ? "android" : "other";
}

/**
 * An address that leads from the app into a real browser by one press; `null` where none is
 * known to work.  Line has a parameter for it.  Android opens an `intent:`, which apps of the
 * Chinese market stop.  Safari's own scheme works from iOS 17 on, where the app lets it through.
 */
export function wayOut(link: string, { app, system }: InApp, iosMajor: number): string | null {
  const url = new URL(link);
  if (app === "line") {
    url.searchParams.set("openExternalBrowser", "1");
    return url.href;
  }
  const isClosed = app === "wechat" || app === "qq" || app === "weibo";
  if (isClosed || url.protocol !== "https:") return null;
  if (system === "android") return `${url.href.replace(/^https:/, "intent:")}#Intent;scheme=https;action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;end`;
  return system === "ios" && iosMajor >= 17 ? `x-safari-${url.href}` : null;
}

/** Version of iOS; 0 elsewhere. */
export function iosMajor(userAgent: string): number {
  return Number(/\bOS (\d+)_/.exec(userAgent)?.[1] ?? 0);
}

/** Where the app hides its own way out. */
export function menuWord({ app, system }: InApp): Key {
  switch (app) {
    case "wechat":
    case "qq":
    case "weibo":
    case "instagram":
    case "linkedin":
    case "tiktok":
    case "x":
      return "in_app.menu.dots_top";
    case "facebook":
    case "messenger":
      return system === "ios" ? "in_app.menu.dots_bottom" : "in_app.menu.dots_top";
    case "line":
      return "in_app.menu.dots_bottom";
    case "snapchat":
      return "in_app.menu.dots_bottom";
    case "other":
      return "in_app.menu.any";
  }
}

/** The app by the name people know; `null` for one we do not. */
export function nameOf(app: AppName): string | null {
  const names: Record<AppName, string | null> = {
    wechat: "WeChat",
    messenger: "Messenger",
    facebook: "Facebook",
    instagram: "Instagram",
    linkedin: "LinkedIn",
    tiktok: "TikTok",
    line: "LINE",
    snapchat: "Snapchat",
    qq: "QQ",
    weibo: "Weibo",
    x: "X",
    other: null,
  };
  return names[app];
}
