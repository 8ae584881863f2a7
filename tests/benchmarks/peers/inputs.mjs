// Turns traces into the files that both sides of the comparison read (tests/benchmarks/README.md):
//   node inputs.mjs OUT FILE.json.gz…
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { libraries } from './libraries.mjs';

const [, , out, ...files] = process.argv;
fs.mkdirSync(out, { recursive: true });
const automerge = await libraries.automerge();
const write = (name, data) => fs.writeFileSync(path.join(out, name), data);

for (const file of files) {
  const name = path.basename(file).replace(/\.json(\.gz)?$/, '');
  const raw = fs.readFileSync(file);
  const trace = JSON.parse(file.endsWith('.gz') ? zlib.gunzipSync(raw) : raw);
  if (fs.existsSync(path.join(out, `${name}.txt`))) continue;
  if (trace.kind === 'concurrent') concurrent(name, trace);
  else sequential(name, trace);
  console.log(`inputs made of ${name}`);
}

function sequential(name, trace) {
  const edits = trace.txns.flatMap(txn => txn.patches);
  write(`${name}.edits`, edits.map(([p, n, s]) => `${p}\n${n}\n${JSON.stringify(s)}\n`).join(''));
  const x = automerge.replica(1);
  for (const [p, n, s] of edits) automerge.edit(x, p, n, s);
  if (automerge.text(x) !== trace.endContent) throw new Error(`${name}: the edits do not give the text at the end`);
  write(`${name}.am`, automerge.save(x));
  write(`${name}.txt`, trace.endContent);
}

/// Positions count in each transaction's own version, so replicas of the agents live through the trace.
function concurrent(name, trace) {
  write(`${name}.concurrent.json`, JSON.stringify({ end: trace.endContent, txns: trace.txns.map(({ parents, agent, patches }) => ({ parents, agent, patches })) }));
  const origin = automerge.replica(1000);
  const start = automerge.update(origin);
  const replicas = new Map(), changes = [];
  trace.txns.forEach((txn, index) => {
    if (!replicas.has(txn.agent)) {
      const x = automerge.empty(txn.agent + 1);
      automerge.apply(x, [start]);
      replicas.set(txn.agent, { x, has: new Set() });
    }
    const { x, has } = replicas.get(txn.agent);
    const stack = [...txn.parents], wanted = [];
    while (stack.length) {
      const parent = stack.pop();
      if (has.has(parent)) continue;
      has.add(parent);
      wanted.push(parent);
      stack.push(...trace.txns[parent].parents);
    }
    if (wanted.length) automerge.apply(x, wanted.sort((a, b) => a - b).map(i => changes[i]));
    automerge.editAll(x, txn.patches);
    changes.push(automerge.update(x));
    has.add(index);
  });
  automerge.apply(origin, changes);
  write(`${name}.changes`, Buffer.concat([start, ...changes]));
  write(`${name}.am`, automerge.save(origin));
  write(`${name}.txt`, trace.endContent);
  if (automerge.text(origin) !== trace.endContent) console.log(`note: ${name} ends in another text with automerge's order of concurrent insertions`);
}
