// Which browser this is, as far as words for its settings go.  Nothing else depends on it.
import type { Key } from "../../i18n/en";

/** What a helper on the telephone asks first. */
export interface Browser {
  name: string;
  /** The number before the first dot; empty when it does not say. */
  version: string;
  system: "iOS" | "Android" | "macOS" | "Windows" | "Linux" | "";
}

// The first that matches counts: nearly all call themselves Safari, and many Chrome.
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:A|iOS)?\/(\d+)/, "Edge"],
  [/\bOPR\/(\d+)/, "Opera"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\b(?:Chrome|CriOS|Chromium)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[.\d]* (?:Mobile\/\S+ )?Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, Browser["system"]])[] = [
  [/\b(?:iPhone|iPad|iPod)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bMacintosh\b/, "macOS"],
  [/\bWindows\b/, "Windows"],
  [/\bLinux\b/, "Linux"],
];

/** Reads a user agent. */
export function browserOf(userAgent: string): Browser {
  const [sign, name] = NAMES.find(([one]) => one.test(userAgent)) ?? [null, ""];
  return {
    name,
    version: sign?.exec(userAgent)?.[1] ?? "",
    system: SYSTEMS.find(([one]) => one.test(userAgent))?.[1] ?? "",
  };
}

/** How one allows camera and microphone after having said no. */
export function permissionHelp({ name, system }: Browser): Key {
  if (system === "iOS") return name === "Safari" ? "help.denied.safari_ios" : "help.denied.other_ios";
  if (name === "Firefox") return system === "Android" ? "help.denied.firefox_android" : "help.denied.firefox";
  if (name === "Safari") return "help.denied.safari_mac";
  return system === "Android" ? "help.denied.chrome_android" : "help.denied.chrome";
}
