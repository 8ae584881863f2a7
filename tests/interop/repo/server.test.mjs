// syncd as the server of stock automerge-repo clients.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { generateAutomergeUrl, Repo, updateText } from "@automerge/automerge-repo";
import { connect, find, makeClient, MemoryStorage, sameHeads, startRelay } from "./clients.mjs";
import { sleep, startSyncd, syncctl, syncctlNew, syncctlPath, until } from "./syncd.mjs";

let agent;
const clients = [];
const client = async (url, id, options) => {
  const made = await connect(url, id, options);
  clients.push(made);
  return made.repo;
};

before(async () => {
  agent = await startSyncd();
});
after(async () => {
  for (const c of clients) await c.close();
  const how = await agent.stop();
  assert.deepEqual(how, { code: 0, signal: null });
});

test("a client creates, another finds, both edit and watch", async () => {
  const alice = await client(agent.url, "create-a");
  const bob = await client(agent.url, "create-b");
  const created = alice.create({ title: "plan", items: ["one"], note: "" });

  const found = await find(bob, created.url);
  assert.deepEqual(found.doc(), { title: "plan", items: ["one"], note: "" });

  const seen = [];
  created.on("change", ({ doc }) => seen.push(doc.title));
  found.change((d) => {
    d.title = "new plan";
    d.items.push("two");
  });
  await until(() => seen.includes("new plan"), "the change event");
  assert.deepEqual(created.doc().items, ["one", "two"]);
  assert.ok(sameHeads(created, found));
});

test("concurrent edits of one text converge", async () => {
  const alice = await client(agent.url, "text-a");
  const bob = await client(agent.url, "text-b");
  const a = alice.create({ text: "the fox jumps", count: 0 });
  const b = await find(bob, a.url);
  for (let i = 0; i < 20; ++i) {
    a.change((d) => updateText(d, ["text"], `${i} ${d.text}`));
    b.change((d) => updateText(d, ["text"], `${d.text} ${i}`));
  }
  await until(() => sameHeads(a, b), "equal heads");
  assert.equal(a.doc().text, b.doc().text);
  for (let i = 0; i < 20; ++i) assert.ok(a.doc().text.split(String(i)).length >= 3);
});

test("a missing document is reported at once, with idle clients connected", async () => {
  const idle = await Promise.all([1, 2, 3].map((i) => client(agent.url, `idle-${i}`)));
  const seeker = await client(agent.url, "seeker");
  const began = performance.now();
  await assert.rejects(() => seeker.find(generateAutomergeUrl()));
  const took = performance.now() - began;
  assert.ok(took < 500, `took ${took} ms`);
  assert.equal(idle.length, 3);
});

test("a document that was missing arrives when somebody brings it", async () => {
  const offline = new Repo({ network: [] });
  const made = offline.create({ late: true });
  const binary = await offline.export(made.url);

  const seeker = await client(agent.url, "late-seeker");
  await assert.rejects(() => seeker.find(made.url));
  const bringer = await client(agent.url, "late-bringer");
  bringer.import(binary, { docId: made.documentId });

  await until(async () => {
    const progress = seeker.findWithProgress(made.url);
    return progress.state === "ready";
  }, "the document at the seeker");
  const handle = await seeker.find(made.url);
  assert.equal(handle.doc().late, true);
});

test("ephemeral messages reach the others once and never their author", async () => {
  const alice = await client(agent.url, "eph-a");
  const bob = await client(agent.url, "eph-b");
  const carol = await client(agent.url, "eph-c");
  const a = alice.create({ x: 1 });
  const b = await find(bob, a.url);
  const c = await find(carol, a.url);
  const heard = { a: [], b: [], c: [] };
  a.on("ephemeral-message", ({ message }) => heard.a.push(message));
  b.on("ephemeral-message", ({ message, senderId }) => heard.b.push({ message, senderId }));
  c.on("ephemeral-message", ({ message }) => heard.c.push(message));

  for (let i = 0; i < 5; ++i) a.broadcast({ cursor: i, at: 1.5, nothing: null });
  await until(() => heard.b.length >= 5 && heard.c.length >= 5, "the broadcasts");
  await sleep(300);

  assert.deepEqual(heard.b.map((h) => h.message.cursor), [0, 1, 2, 3, 4]);
  assert.ok(heard.b.every((h) => h.senderId === "eph-a"));
  assert.equal(heard.c.length, 5);
  assert.equal(heard.a.length, 0);
});

for (const [name, options] of [["without storage", () => ({})], ["with storage", () => ({ storage: new MemoryStorage() })]]) {
  test(`after a TCP cut with edits on both sides clients converge and fall silent, ${name}`, async () => {
    const relay = await startRelay(agent.port);
    const alice = await client(relay.url, `cut-a ${name}`, options());
    const bob = await client(agent.url, `cut-b ${name}`, options());
    const a = alice.create({ log: [] });
    const b = await find(bob, a.url);

    for (let round = 0; round < 3; ++round) {
      await relay.cut();
      for (let i = 0; i < 10; ++i) {
        a.change((d) => d.log.push(`a${round}.${i}`));
        b.change((d) => d.log.push(`b${round}.${i}`));
      }
      await relay.mend();
      await until(() => sameHeads(a, b), "equal heads after the cut");
    }
    assert.equal(a.doc().log.length, 60);

    await sleep(300);
    const before = relay.bytes;
    await sleep(1500);
    // At most a WebSocket ping and its pong.
    assert.ok(relay.bytes - before <= 20, `${relay.bytes - before} bytes after convergence`);
    await relay.cut();
  });
}

test("a second process with the same peer id takes over", async () => {
  const first = makeClient(agent.url, "twin");
  await until(() => first.repo.peers.length > 0, "the first twin");
  const handle = first.repo.create({ n: 1 });
  await sleep(200);
  first.adapter.disconnect();
  const second = await client(agent.url, "twin");
  const found = await find(second, handle.url);
  assert.equal(found.doc().n, 1);
});

test("a long history and big values arrive whole, both ways", async () => {
  const alice = await client(agent.url, "big-a");
  const a = alice.create({ parts: [] });
  for (let i = 0; i < 150; ++i) a.change((d) => d.parts.push(new Uint8Array(randomBytes(60_000))));
  const bob = await client(agent.url, "big-b");
  const b = await find(bob, a.url);
  await until(() => sameHeads(a, b), "the whole document", 60_000);
  assert.equal(b.doc().parts.length, 150);
  assert.deepEqual(b.doc().parts[149], a.doc().parts[149]);
  b.change((d) => (d.done = true));
  await until(() => a.doc().done, "the way back");
});

test("a client and syncctl edit one document", { skip: syncctlPath ? false : "CONVERGE_SYNCCTL is not set" }, async () => {
  const alice = await client(agent.url, "ctl-a");
  const handle = alice.create({ title: "from node", tags: [], n: 1 });
  await until(async () => (await syncctl(agent, "ls").catch(() => ({ items: [] }))).items.length > 0, "the document in ls");
  const read = async () => {
    const answer = await syncctl(agent, "get", handle.url);
    return answer.value ?? answer;
  };
  await until(async () => (await read().catch(() => undefined)) !== undefined, "syncctl to read it");
  assert.equal((await read()).title, "from node");

  await syncctl(agent, "set", handle.url, "/n", "2");
  await until(() => handle.doc().n === 2, "syncctl's edit at the client");
  handle.change((d) => d.tags.push("x"));
  await until(async () => (await read()).tags.length === 1, "the client's edit at syncctl");

  const url = await syncctlNew(agent, "notes/interop", { made: "by syncctl" });
  const found = await alice.find(url);
  assert.equal(String(found.doc().made), "by syncctl");
});
