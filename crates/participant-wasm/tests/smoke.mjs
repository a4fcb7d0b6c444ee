// Two participants join one room through a loop-back server, in Node: the module works as the
// web client will use it, randomness and time included.
//
//   node crates/participant-wasm/tests/smoke.mjs FOLDER
//
// FOLDER holds what `cargo xtask wasm` made (aman.js, aman_bg.wasm).

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2] ?? "web-client/src/vault/wasm");
const wasm = await import(pathToFileURL(`${folder}/aman.js`).href);
wasm.initSync({ module: readFileSync(`${folder}/aman_bg.wasm`) });

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const room = base64url(randomBytes(16));
const roomSecret = randomBytes(32);
const linkSecret = randomBytes(32);
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const idcPublic = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url");
const unix = () => Date.now() / 1000;

/** A server in a few rules: one group, everybody hears everything meant for them. */
class Server {
  guests = new Map();
  group = null;
  seq = 0;
  seen = [];

  constructor(invites) {
    this.invites = invites;
  }

  received(line, text) {
    this.seen.push(text);
    const { n, body } = JSON.parse(text);
    if (body.type === "hello") {
      this.hello(line, body.right);
      return;
    }
    this.act(this.guests.get(line), body);
    line.say({ type: "done", n });
  }

  hello(line, right) {
    const moderator = right.kind === "ticket";
    const me = {
      line,
      id: String(this.guests.size + 1),
      role: moderator ? "moderator" : "attendee",
      place: moderator ? "room" : "waiting",
      invite: right.invite ?? null,
      knock: null,
    };
    if (!moderator) {
      const hash = createHash("sha256").update(Buffer.from(right.server_auth, "base64url")).digest();
      assert.equal(base64url(hash), this.invites.get(right.invite)?.server_auth_hash);
    }
    this.guests.set(line, me);
    line.say({
      type: "entered", room, participant: me.id, role: me.role, place: me.place,
      resume: base64url(randomBytes(32)), resumed: false, group: this.group, present: [], knocks: [],
    });
  }

  presence(guest) {
    return { participant: guest.id, role: guest.role, connected: true, tracks: [] };
  }

  others(me) {
    return [...this.guests.values()].filter((guest) => guest !== me && guest.place === "room");
  }

  act(me, body) {
    if (body.type === "knock" || body.type === "spare") {
      me.knock = { key_package: body.key_package, spare_key_package: body.spare_key_package,
        nonce: body.nonce, mac: body.mac, sealed_name: body.sealed_name };
      for (const other of this.others(me)) {
        other.line.say({ type: "knocked", participant: me.id, invite: me.invite, place: me.place,
          other_device: false, returning: false, waited_ms: 0, knock: me.knock });
      }
    } else if (body.type === "open_group") {
      this.group = { group: body.group, generation: body.generation, epoch: 0 };
      me.line.say({ type: "group_opened", seq: ++this.seq, group: body.group,
        generation: body.generation, by: me.id });
    } else if (body.type === "commit") {
      const { group, epoch, message, added, removed } = body;
      assert.equal(epoch, this.group.epoch);
      this.group.epoch += 1;
      this.seq += 1;
      const names = new Set(added.map((one) => one.participant));
      for (const guest of this.guests.values()) {
        if (names.has(guest.id)) {
          guest.place = "room";
          guest.line.say({ type: "welcomed", seq: this.seq, group, generation: this.group.generation,
            epoch: this.group.epoch, by: me.id, message: body.welcome,
            wrapped_room_secret: this.invites.get(guest.invite).wrapped_room_secret,
            present: [this.presence(me)] });
          me.line.say({ type: "present", ...this.presence(guest) });
        } else if (guest.place === "room") {
          guest.line.say({ type: "committed", seq: this.seq, group, epoch, by: me.id, message, added, removed });
        }
      }
    } else if (body.type === "application") {
      this.seq += 1;
      for (const other of this.others(me)) {
        other.line.say({ type: "relayed", seq: this.seq, group: body.group, epoch: body.epoch,
          by: me.id, message: body.message });
      }
    } else if (body.type === "offer") {
      me.line.say({ type: "answer", sdp: "v=0" });
    }
  }
}

/** A shell: carries out what the core wants. */
class Shell {
  state = null;
  chats = [];
  inbox = [];

  constructor(core, server) {
    this.core = core;
    this.server = server;
    this.input({ type: "start" });
  }

  say(message) {
    this.inbox.push(JSON.stringify(message));
  }

  input(input) {
    this.core.handleInput(performance.now(), JSON.stringify(input));
  }

  /** Does one round; whether anything moved. */
  turn() {
    let moved = false;
    for (let json = this.core.pollOutput(); json !== undefined; json = this.core.pollOutput()) {
      moved = true;
      const output = JSON.parse(json);
      switch (output.type) {
        case "fetch_ticket": this.input({ type: "ticket", ticket: base64url(randomBytes(32)) }); break;
        case "connect": this.input({ type: "opened" }); break;
        case "send": this.server.received(this, output.text); break;
        case "make_offer":
          this.input({ type: "offered", sdp: "v=0", slots: [],
            tracks: [{ mid: "0", kind: "microphone" }, { mid: "1", kind: "camera" }] });
          break;
        case "take_answer": this.input({ type: "media_connected" }); break;
        case "chat": this.chats.push(`${output.name}: ${output.text}`); break;
        case "show": this.state = output.state; break;
        default: break;
      }
    }
    for (const text of this.inbox.splice(0)) {
      moved = true;
      this.input({ type: "received", text });
    }
    return moved;
  }
}

const materials = JSON.parse(wasm.inviteMaterials(room, linkSecret, roomSecret, idcPublic));
const server = new Server(new Map([[materials.invite, materials]]));

const draft = new wasm.ModeratorDraft(
  room, "Ana", roomSecret, idcPublic, linkSecret, performance.now(), unix());
const signature = sign(null, Buffer.from(draft.toSign()), privateKey);
const ana = new Shell(wasm.Participant.moderator(draft, signature, performance.now()), server);
const ben = new Shell(
  wasm.Participant.attendee(materials.fragment, "Ben", randomBytes(16), performance.now(), unix()), server);

async function until(what, holds) {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `waited too long for: ${what}`);
    const moved = [ana.turn(), ben.turn()].some(Boolean);
    if (!moved) {
      await new Promise((wake) => { setTimeout(wake, 5); });
      for (const shell of [ana, ben]) {
        if ((shell.core.pollTimeout() ?? Infinity) <= performance.now()) shell.input({ type: "tick" });
      }
    }
  }
}

await until("Ben at the door", () => ana.state?.waiting.length === 1);
assert.equal(ana.state.waiting[0].name, "Ben");
assert.equal(ben.state.phase.type, "waiting");
assert.throws(() => ben.core.sealFrame(performance.now(), "microphone", Buffer.from("x")), (code) => typeof code === "string");

const pressed = performance.now();
ana.input({ type: "admit", participant: ana.state.waiting[0].participant });
await until("both in the call", () => [ana, ben].every((one) => one.state.phase.type === "in_call"));
const admitMs = performance.now() - pressed;
await until("the same safety code", () => ana.state.safety_code !== null && ben.state.safety_code !== null);
assert.deepEqual(ana.state.safety_code, ben.state.safety_code);
await until("everybody confirmed", () => [ana, ben].every((one) => one.state.n_confirmed === 2));
assert.equal(ben.state.counsellor, "Ana");

const sound = Buffer.from("twenty milliseconds of sound");
const sealed = ana.core.sealFrame(performance.now(), "microphone", sound);
assert.ok(!Buffer.from(sealed).includes(sound));
assert.deepEqual(Buffer.from(ben.core.openFrame(performance.now(), true, sealed)), sound);
assert.equal(ben.core.lastOpenedLeaf(), 0);
assert.throws(() => ben.core.openFrame(performance.now(), true, sealed), (code) => typeof code === "string");

ben.input({ type: "send_chat", text: "hello Ana" });
await until("the chat", () => ana.chats.includes("Ben: hello Ana") && ben.chats.includes("Ben: hello Ana"));
for (const canary of ["Ben", "hello Ana", base64url(linkSecret), base64url(roomSecret)]) {
  assert.ok(!server.seen.some((text) => text.includes(canary)), `the server saw ${canary}`);
}

assert.throws(() => ana.core.handleInput(performance.now(), "{"), (code) => code === "bad_input");
assert.throws(() => wasm.Participant.attendee("#2.x.y", "Ben", randomBytes(16), 0, unix()), (code) => code === "bad_link");
console.log(`smoke: joined, heard and wrote; admit to call ${admitMs.toFixed(1)} ms`);
