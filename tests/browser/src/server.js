// The real `aman`, on free ports with a data folder of its own.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { BIN_DIR, artefact, fileName, later, scratch } from "./places.js";
import { until } from "./until.js";

export class Server {
  #folder;
  #log;
  #child = null;
  #listen = "127.0.0.1:0";
  #media = "0.0.0.0:0";
  #more;
  /** `http://localhost:PORT`: a secure context without a certificate. */
  origin = "";
  /** The one-time link of a new server. */
  setupLink = "";
  #env = process.env;
  #nAccounts = 0;

  /**
   * Starts one that stops with the test.  `webDir` has other pages than those it was built
   * with, `lines` lead to it, `config` is the text of its settings file and
   * `env` what its environment says beside ours; `media` is where it listens for media.
   */
  static async start(t, { webDir, lines = [], config = "", env = {}, media } = {}) {
    const more = [...(webDir === undefined ? [] : ["--web-dir", webDir]), ...lines.flatMap((line) => ["--origin", line.origin])];
    const server = new Server(scratch(t), artefact(`${fileName(t)}.server.log`), more);
    writeFileSync(join(server.#folder, "aman.toml"), config);
    server.#env = { ...process.env, ...env };
    if (media !== undefined) server.#media = media;
    later(t, () => server.stop());
    await server.run();
    for (const line of lines) line.lead(server);
    return server;
  }

  constructor(folder, log, more = []) {
    this.#folder = folder;
    this.#more = more;
    this.#log = log;
    writeFileSync(log, "");
  }

  get mediaPort() {
    return Number(this.#media.split(":").at(-1));
  }

  get pid() {
    return this.#child.pid;
  }

  /** A one-time link to a new account: the first is the server's own, the others its operator makes. */
  invitation() {
    this.#nAccounts += 1;
    return this.#nAccounts === 1 ? this.setupLink : /^http\S+/.exec(this.operate("user", "invite"))[0];
  }

  /** A name that nobody on this server has. */
  newName() {
    return this.#nAccounts === 0 ? "Ana Counsellor" : `Ana Counsellor ${this.#nAccounts + 1}`;
  }

  /** Runs `aman` on the same data beside the server, as its operator does; returns what it says. */
  operate(...words) {
    const flags = ["--data", join(this.#folder, "data"), "--origin", this.origin];
    return execFileSync(join(BIN_DIR, "aman"), [...words, ...flags], { cwd: this.#folder, env: this.#env, encoding: "utf8" });
  }

  /** Starts it, again on the same ports and data if it ran before. */
  async run() {
    const program = join(BIN_DIR, "aman");
    if (!existsSync(program)) throw new Error(`${program} is not built: run cargo build -p aman`);
    const flags = ["--data", join(this.#folder, "data"), "--listen", this.#listen, "--media-bind", this.#media, ...this.#more];
    const child = spawn(program, flags, { cwd: this.#folder, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr.on("data", (bytes) => appendFileSync(this.#log, bytes));
    let ready = null;
    createInterface({ input: child.stdout }).on("line", (line) => {
      appendFileSync(this.#log, `${line.replace(/#.*/, "#[cut]")}\n`);
      const desk = /^Counsellor's desk: (\S+)/.exec(line);
      if (desk?.[1].includes("#")) this.setupLink = desk[1];
      const found = /^ready https?:\/\/(\S+) udp (\S+)/.exec(line);
      if (found !== null) ready = found;
    });
    await until("the server is ready", () => {
      if (child.exitCode !== null) throw new Error(`the server ended at once, see ${this.#log}`);
      return ready;
    });
    this.#listen = ready[1];
    this.#media = ready[2];
    this.origin = `http://localhost:${this.#listen.split(":").at(-1)}`;
  }

  /** One of the counters that `/metrics` tells, summed over its labels. */
  async counter(name) {
    const text = await (await fetch(`${this.origin}/metrics`)).text();
    const values = text.split("\n").filter((line) => !line.startsWith("#") && line.includes(name)).map((line) => Number(line.split(" ").at(-1)));
    if (values.length === 0) throw new Error(`no counter ${name} in /metrics`);
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** Tells it to stop and waits until it has. */
  async stop() {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 12_000);
    await ended;
    clearTimeout(hard);
  }
}
