// What a page did that it must not do: foreign requests, broken policy, errors, a secret told.
import assert from "node:assert/strict";

export class Witness {
  #origin;
  #requests = [];
  #complaints = [];

  /** Watches `page` from before its first request. */
  static async of(page, origin) {
    const witness = new Witness();
    witness.#origin = origin;
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
      globalThis.policyBroken = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        globalThis.policyBroken.push(`${event.violatedDirective}: ${event.blockedURI}`);
      });
    });
    return witness;
  }

  /** Requests to any origin but the server's. */
  get foreign() {
    const isOurs = ({ url }) => url.startsWith(`${this.#origin}/`) || /^(blob|data|about):/.test(url);
    return this.#requests.filter((request) => !isOurs(request)).map(({ url }) => url);
  }

  /** Fails unless the page kept to itself what it must, whatever `secrets` name. */
  async assertClean(page, secrets = []) {
    assert.deepEqual(this.foreign, [], "requests to another origin");
    assert.deepEqual(await page.evaluate(() => globalThis.policyBroken ?? []), [], "the policy was broken");
    assert.deepEqual(this.#complaints, [], "the page complained");
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
