// The agency's own sign-in: a real OpenID Connect provider (the npm package oidc-provider) on
// this machine, with a form that believes whatever name is typed.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import Provider from "oidc-provider";

import { later } from "./places.js";

const FORM = `<!doctype html><html lang="en"><title>Agency</title><form method="post">
<label>Name <input name="login"></label><button name="then" value="in">Go on</button>
<button name="then" value="out">No</button></form></html>`;

export class Agency {
  #http;
  #provider = null;
  /** What a server that trusts it has in its environment. */
  env = {};
  issuer = "";
  #secret = randomBytes(24).toString("base64");

  /** Starts one that stops with the test. */
  static async start(t) {
    const agency = new Agency();
    await agency.#listen();
    later(t, () => agency.#stop());
    return agency;
  }

  /** Makes it known to the provider where browsers may be sent back to. */
  register({ origin }) {
    const client = {
      client_id: "aman",
      client_secret: this.#secret,
      redirect_uris: [`${origin}/desk`],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    };
    this.#provider = new Provider(this.issuer, {
      clients: [client],
      cookies: { keys: [randomBytes(16).toString("hex")] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/form/${uid}` },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      // Nobody is asked what the agency decides.
      loadExistingGrant: async ({ oidc }) => {
        const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
        grant.addOIDCScope("openid");
        await grant.save();
        return grant;
      },
    });
  }

  async #answer(request, response) {
    if (!request.url.startsWith("/form/")) return this.#provider.callback()(request, response);
    if (request.method === "GET") return response.setHeader("content-type", "text/html").end(FORM);
    const words = new URLSearchParams(await text(request));
    const result = words.get("then") === "in" ? { login: { accountId: words.get("login") } } : { error: "access_denied" };
    return this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  async #listen() {
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    this.issuer = `http://localhost:${this.#http.address().port}`;
    this.env = {
      AMAN_OIDC_ISSUER: this.issuer,
      AMAN_OIDC_NAME: "Harbour",
      AMAN_OIDC_CLIENT_ID: "aman",
      AMAN_OIDC_CLIENT_SECRET: this.#secret,
    };
  }

  #stop() {
    this.#http.closeAllConnections();
    this.#http.close();
  }
}
