import { describe, expect, it, test } from "vitest";

import type { AppName } from "./in_app";
import { inApp, iosMajor, menuWord, wayOut } from "./in_app";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0.6367.82 Mobile Safari/537.36";

const APPS: readonly [app: AppName, userAgent: string][] = [
  ["wechat", `${IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003130) NetType/WIFI Language/zh_CN`],
  ["wechat", `${ANDROID} XWEB/1160083 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin`],
  ["messenger", `${IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/456.0.0.30.106;FBBV/590000000;FBDV/iPhone14,5]`],
  ["messenger", `${ANDROID} [FB_IAB/Orca-Android;FBAV/456.0.0.34.108;]`],
  ["facebook", `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/463.0.0.36.106;FBBV/600000000]`],
  ["facebook", `${ANDROID} [FB_IAB/FB4A;FBAV/463.0.0.36.106;]`],
  ["instagram", `${IPHONE} Mobile/15E148 Instagram 331.0.0.28.77 (iPhone14,5; iOS 17_4; ar; scale=3.00)`],
  ["instagram", `${ANDROID} Instagram 331.0.0.37.90 Android (34/14; 420dpi)`],
  ["linkedin", `${IPHONE} Mobile/15E148 [LinkedInApp]/9.29.8405`],
  ["tiktok", `${IPHONE} Mobile/15E148 musical_ly_34.5.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en`],
  ["tiktok", `${ANDROID} trill_340503 BytedanceWebview/d8a21c6`],
  ["line", `${IPHONE} Mobile/15E148 Safari Line/14.7.0`],
  ["snapchat", `${IPHONE} Mobile/15E148 Snapchat/12.86.0.40 (like Safari/8618.1.15.10.15, panda)`],
  ["qq", `${ANDROID} V1_AND_SQ_9.0.56 QQ/9.0.56.16830 NetType/4G`],
  ["weibo", `${IPHONE} Mobile/15E148 Weibo (iPhone14,5__weibo__14.5.0__iphone__os17.4)`],
  ["x", `${IPHONE} Mobile/15E148 Twitter for iPhone/10.40`],
  ["other", ANDROID],
  ["other", `${IPHONE} Mobile/15E148`],
];

const BROWSERS = [
  `${IPHONE} Version/17.4 Mobile/15E148 Safari/604.1`,
  `${IPHONE} CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1`,
  `${IPHONE} FxiOS/125.0 Mobile/15E148 Safari/605.1.15`,
  "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0",
  "Mozilla/5.0 (Linux; U; Android 13; zh-cn; V2199A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/109.0.5414.86 MQQBrowser/14.9 Mobile Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
];

test.each(APPS)("%s is recognised", (app, userAgent) => {
  expect(inApp(userAgent)?.app).toBe(app);
});

test.each(BROWSERS)("a browser is not taken for an app: %s", (userAgent) => {
  expect(inApp(userAgent)).toBeNull();
});

describe("the way out", () => {
  const link = "https://aman.example/j?lang=ar#1.secret.pin";

  it("carries the whole link, fragment included", () => {
    for (const [, userAgent] of APPS) {
      const found = inApp(userAgent);
      if (found === null) continue;
      const way = wayOut(link, found, iosMajor(userAgent));
      if (way !== null) expect(way).toContain("#1.secret.pin");
    }
  });

  it("is one press where the system has a way that apps let through", () => {
    expect(wayOut(link, { app: "facebook", system: "android" }, 0)).toMatch(/^intent:\/\/aman\.example\/j\?lang=ar#1\.secret\.pin#Intent;scheme=https;.*;end$/);
    expect(wayOut(link, { app: "instagram", system: "ios" }, 17)).toBe("x-safari-https://aman.example/j?lang=ar#1.secret.pin");
    expect(wayOut(link, { app: "line", system: "ios" }, 15)).toContain("openExternalBrowser=1#1.secret.pin");
  });

  it("is the menu elsewhere", () => {
    expect(wayOut(link, { app: "wechat", system: "android" }, 0)).toBeNull();
    expect(wayOut(link, { app: "instagram", system: "ios" }, 15)).toBeNull();
    expect(wayOut("http://localhost:8080/j#1.a.b", { app: "facebook", system: "android" }, 0)).toBeNull();
    for (const [, userAgent] of APPS) {
      const found = inApp(userAgent);
      if (found !== null) expect(menuWord(found)).toMatch(/^in_app\.menu\./);
    }
  });
});
