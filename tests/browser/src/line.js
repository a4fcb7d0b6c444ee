// One person's line to the server: every byte and every datagram goes through here, and can be
// held up.  Works for any browser, without rights on this machine.
//
// - TCP is passed on as it is, but for one number: the server's media port, in the addresses it
//   answers with, becomes ours (of the same length, so that no frame changes its size).
// - While the line is cut nothing passes.  What was on the way of a TCP connection comes after,
//   as retransmissions would; datagrams are lost.  No connection is closed: that is the hardest
//   sort of outage to notice.
import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";

import { later } from "./places.js";

/** Ports of five digits, like those a system gives out: what is replaced keeps its length. */
const DIGITS = 5;

export class Line {
  #cut = false;
  #sockets = new Set();
  #flows = new Map();
  #tcp;
  #udp;
  #serverMedia = 0;
  #server = "";
  /** Where the person's browser goes. */
  origin = "";

  /** Ready to be named to the server, which is started later. */
  static async open(t) {
    const line = new Line();
    line.#tcp = net.createServer((browser) => line.#connect(browser));
    line.#tcp.listen(0, "127.0.0.1");
    line.#udp = dgram.createSocket("udp4");
    line.#udp.bind(0, "0.0.0.0");
    await Promise.all([once(line.#tcp, "listening"), once(line.#udp, "listening")]);
    line.origin = `http://localhost:${line.#tcp.address().port}`;
    line.#udp.on("message", (bytes, from) => line.#toServer(bytes, from));
    later(t, () => line.#close());
    return line;
  }

  /** Leads to a server that has started. */
  lead(server) {
    this.#server = server.origin;
    this.#serverMedia = server.mediaPort;
    const ports = [this.#udp.address().port, this.#serverMedia];
    if (ports.some((port) => String(port).length !== DIGITS)) throw new Error(`ports of other lengths: ${ports.join()}`);
  }

  /** `link` by way of this line. */
  by(link) {
    const url = new URL(link);
    return `${this.origin}${url.pathname}${url.search}${url.hash}`;
  }

  /** Nothing passes any more. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Everything passes again. */
  mend() {
    this.#cut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  #connect(browser) {
    const server = net.connect(Number(new URL(this.#server).port), "127.0.0.1");
    this.#join(browser, server, (bytes) => bytes);
    this.#join(server, browser, (bytes) => this.#withOurPort(bytes));
  }

  #join(from, to, change) {
    this.#sockets.add(from);
    if (this.#cut) from.pause();
    from.on("data", (bytes) => to.write(change(bytes)));
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
  }

  /** Candidates read "… udp PRIORITY ADDRESS PORT typ host". */
  #withOurPort(bytes) {
    const [theirs, ours] = [` ${this.#serverMedia} typ host`, ` ${this.#udp.address().port} typ host`].map((text) => Buffer.from(text));
    for (let at = bytes.indexOf(theirs); at >= 0; at = bytes.indexOf(theirs, at + 1)) ours.copy(bytes, at);
    return bytes;
  }

  /** A socket of its own towards the server for every address of the browser. */
  #toServer(bytes, { address, port }) {
    if (this.#cut) return;
    const name = `${address}:${port}`;
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      flow = dgram.createSocket("udp4");
      flow.on("message", (answer) => this.#cut || this.#udp.send(answer, port, address));
      this.#flows.set(name, flow);
    }
    // From the address the browser has: one browser takes no answer that names another.
    flow.send(bytes, this.#serverMedia, address);
  }

  #close() {
    for (const socket of this.#sockets) socket.destroy();
    for (const flow of this.#flows.values()) flow.close();
    this.#udp.close();
    this.#tcp.close();
  }
}
