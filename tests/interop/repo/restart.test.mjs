// An agent that dies and comes back empty is filled again by its clients.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, find, MemoryStorage, sameHeads, startRelay } from "./clients.mjs";
import { startSyncd, until } from "./syncd.mjs";

test("clients survive the agent's death and fill its empty successor", async () => {
  const first = await startSyncd();
  const relay = await startRelay(first.port);
  const alice = await connect(relay.url, "restart-a", { storage: new MemoryStorage() });
  const a = alice.repo.create({ n: 0 });
  for (let i = 1; i <= 20; ++i) a.change((d) => (d.n = i));
  const bob = await connect(relay.url, "restart-b");
  const b = await find(bob.repo, a.url);
  await until(() => sameHeads(a, b), "equal heads before");

  await first.kill();
  await relay.cut();
  a.change((d) => (d.n = 100));
  const second = await startSyncd();
  relay.retarget(second.port);
  await relay.mend();

  await until(() => sameHeads(a, b) && b.doc().n === 100, "equal heads through the successor");
  const carol = await connect(second.url, "restart-c");
  const c = await find(carol.repo, a.url);
  assert.equal(c.doc().n, 100);
  for (const client of [alice, bob, carol]) await client.close();
  await relay.cut();
  assert.deepEqual(await second.stop(), { code: 0, signal: null });
});
