// What a page did that it must not do: foreign requests, broken policy, errors, a secret told.
import assert from "node:assert/strict";

const witnesses = new WeakMap();

/** Fails unless every page that a browser, or one of its contexts, ever had was clean. */
export function assertAllClean(owner) {
  for (const witness of witnesses.get(owner) ?? []) witness.assertQuiet();
}

export class Witness {
  #origin;
  #requests = [];
  #complaints = [];
  #allowed = [];

  /** Watches `page` from before its first request. */
  static async of(page, origin) {
    const witness = new Witness();
    witness.#origin = origin;
    for (const owner of [page.browser(), page.browserContext()]) {
      witnesses.set(owner, [...(witnesses.get(owner) ?? []), witness]);
    }
    page.on("request", (request) => {
      witness.#requests.push({
        url: request.url(),
        referer: request.headers()["referer"] ?? "",
        body: safely(() => request.postData()) ?? "",
      });
    });
    page.on("pageerror", (error) => witness.#complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (/content.security.policy/i.test(message.text())) witness.#complaints.push(message.text());
    });
    await page.evaluateOnNewDocument(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content security policy broken: ${event.violatedDirective}: ${event.blockedURI}`);
      });
    });
    return witness;
  }

  /** Requests to any origin but the server's. */
  get foreign() {
    const ours = [`${this.#origin}/`, "blob:", "data:", "about:", ...this.#allowed];
    const isOurs = ({ url }) => ours.some((start) => url.startsWith(start));
    return this.#requests.filter((request) => !isOurs(request)).map(({ url }) => url);
  }

  /** Lets requests go where none may usually: to the page that a quick exit leads to. */
  allow(address) {
    this.#allowed.push(address);
  }

  /** Fails unless the page asked only the server, kept the policy and ran without a fault. */
  assertQuiet() {
    assert.deepEqual(this.foreign, [], "requests to another origin");
    assert.deepEqual(this.#complaints, [], "the page complained");
  }

  /** Fails unless the page kept to itself what it must, whatever `secrets` name. */
  assertClean(secrets) {
    this.assertQuiet();
    for (const secret of secrets) {
      for (const { url, referer, body } of this.#requests) {
        // The driver shows the address as typed; what follows # stays in the browser.
        const sent = [url.split("#")[0], referer, body].join(" ");
        assert.ok(!sent.includes(secret), "a part of the link was sent");
      }
    }
  }
}

function safely(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}
