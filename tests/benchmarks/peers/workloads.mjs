// What is timed (tests/benchmarks/README.md), for any library of libraries.mjs. A workload is
// {needs, prepare, run, check}: prepare is outside the clock, run inside, check outside again.
import fs from 'node:fs';
import path from 'node:path';

export function readEdits(folder, trace) {
  const lines = fs.readFileSync(path.join(folder, `${trace}.edits`), 'utf8').split('\n');
  const edits = [];
  for (let i = 0; i + 2 < lines.length; i += 3) edits.push([Number(lines[i]), Number(lines[i + 1]), JSON.parse(lines[i + 2])]);
  return { edits, end: fs.readFileSync(path.join(folder, `${trace}.txt`), 'utf8') };
}

const KEYS = 100000;
const row = i => ({ id: i, title: 'row number ' + i, done: i % 3 === 0, price: i * 1.25, tag: 'tag' + (i % 17) });
const equal = (a, b) => { if (a !== b) throw new Error('the result is wrong'); };

function local(trace, all) {
  return {
    needs: ['edit'],
    prepare: (lib, folder) => readEdits(folder, trace),
    run(lib, { edits }) {
      const x = lib.replica(1);
      if (all) lib.editAll(x, edits);
      else for (const [p, n, s] of edits) lib.edit(x, p, n, s);
      return x;
    },
    check: (lib, x, { end }) => equal(lib.text(x), end),
  };
}

function saved(lib, folder, trace) {
  const input = readEdits(folder, trace);
  const x = lib.replica(1);
  for (const [p, n, s] of input.edits) lib.edit(x, p, n, s);
  const bytes = lib.save(x);
  return { ...input, x, bytes };
}

function load(trace, edited) {
  return {
    needs: ['load'],
    prepare: (lib, folder) => { const s = saved(lib, folder, trace); lib.free(s.x); return s; },
    run(lib, { bytes }) {
      const x = lib.load(bytes);
      x.read = lib.text(x);
      if (edited) { lib.edit(x, 0, 0, 'x'); x.read = lib.text(x); }
      return x;
    },
    check: (lib, x, { end, bytes }) => { equal(x.read, edited ? 'x' + end : end); return { bytes: bytes.length }; },
  };
}

function save(trace) {
  return {
    needs: ['save'],
    prepare: (lib, folder) => saved(lib, folder, trace),
    between: (lib, { x }) => lib.edit(x, 0, 0, 'x'),  // some libraries keep the bytes of an unchanged document
    run: (lib, { x }) => ({ saved: lib.save(x), kept: true }),
    check: (lib, { saved: bytes }) => ({ bytes: bytes.length }),
  };
}

/// The updates that replicas of this library make when they live through a concurrent trace.
function updatesOf(lib, folder, trace) {
  const { txns, end } = JSON.parse(fs.readFileSync(path.join(folder, `${trace}.concurrent.json`), 'utf8'));
  const replicas = new Map();
  const updates = [];
  const origin = lib.replica(1000);
  const start = lib.name === 'automerge' ? [lib.update(origin)] : [];
  for (const [index, txn] of txns.entries()) {
    if (!replicas.has(txn.agent)) {
      const x = lib.empty(txn.agent + 1);
      lib.track?.(x);
      if (start.length) { lib.apply(x, start); }
      replicas.set(txn.agent, { x, has: new Set() });
    }
    const { x, has } = replicas.get(txn.agent);
    const wanted = [], stack = [...txn.parents];
    while (stack.length) {
      const parent = stack.pop();
      if (has.has(parent)) continue;
      has.add(parent);
      wanted.push(parent);
      stack.push(...txns[parent].parents);
    }
    if (wanted.length) lib.apply(x, wanted.sort((a, b) => a - b).map(i => updates[i]));
    lib.editAll(x, txn.patches);
    updates.push(lib.update(x));
    has.add(index);
  }
  return { updates: [...start, ...updates], end };
}

function merge(trace, each) {
  return {
    needs: ['apply'],
    prepare: (lib, folder) => updatesOf(lib, folder, trace),
    run(lib, { updates }) {
      const x = lib.empty(5000);
      if (each) for (const update of updates) lib.apply(x, [update]);
      else lib.apply(x, updates);
      return x;
    },
    check: (lib, x, { end }) => equal(lib.text(x), end),
  };
}

function puts(count, keys, each) {
  const pairs = Array.from({ length: count }, (_, i) => ['key-' + (i % keys), i]);
  return {
    needs: ['put'],
    prepare: () => ({}),
    run(lib) {
      const x = lib.empty(1);
      if (each) for (const pair of pairs) lib.put(x, [pair]);
      else lib.put(x, pairs);
      return x;
    },
    check: (lib, x) => equal(Number(lib.plain(x)['key-' + ((count - 1) % keys)]), count - 1),
  };
}

const rows = Array.from({ length: 10000 }, (_, i) => row(i));
const build = lib => { const x = lib.empty(1); lib.rows(x, rows); return x; };
const checkRows = (lib, plain) => { equal(plain.rows.length, rows.length); equal(plain.rows[4321].title, rows[4321].title); };

function syncing(own, prepareB) {
  return {
    needs: ['sync'],
    prepare: (lib, folder) => ({ ...readEdits(folder, 'own'), lib }),
    fresh(lib, { edits }) {
      const a = lib.replica(1);
      for (let i = 0; i < 10000; ++i) lib.edit(a, i % 50, 0, edits[i % edits.length][2] || 'y');
      const b = prepareB(lib, a);
      for (let i = 0; i < own; ++i) { lib.edit(a, 3, 0, 'a'); lib.edit(b, 5, 0, 'b'); }
      return { a, b };
    },
    run: (lib, { a, b }) => ({ ...lib.sync(a, b), a, b }),
    check(lib, { a, b, bytes, messages }) {
      equal(lib.text(a), lib.text(b));
      lib.free(a);
      lib.free(b);
      return { bytes, messages };
    },
  };
}
const twin = (lib, a) => { const b = lib.load(lib.save(a)); if (b.doc?.setPeerId) b.doc.setPeerId('2'); return b; };

export function workloads(folder) {
  const has = file => fs.existsSync(path.join(folder, file));
  const all = {};
  for (const trace of ['automerge-paper', 'sveltecomponent', 'friendsforever_flat', 'own'].filter(t => has(`${t}.edits`))) {
    all[`local_each/${trace}`] = local(trace, false);
    all[`local_one/${trace}`] = local(trace, true);
    all[`load/${trace}`] = load(trace, false);
    all[`load_edit/${trace}`] = load(trace, true);
    all[`save/${trace}`] = save(trace);
  }
  for (const trace of ['friendsforever'].filter(t => has(`${t}.concurrent.json`))) {
    all[`merge_each/${trace}`] = merge(trace, true);
    all[`merge_batch/${trace}`] = merge(trace, false);
  }
  all.map_puts = puts(KEYS, KEYS, false);
  all.map_overwrites_one = puts(KEYS, 100, false);
  all.map_overwrites_each = puts(KEYS, 100, true);
  all.rows_build = { needs: ['rows'], prepare: () => ({}), run: build, check: (lib, x) => checkRows(lib, lib.plain(x)) };
  all.rows_load = {
    needs: ['rows'],
    prepare: lib => ({ bytes: lib.save(build(lib)) }),
    run(lib, { bytes }) { const x = lib.load(bytes); x.plain = lib.plain(x); return x; },
    check: (lib, x, { bytes }) => { checkRows(lib, x.plain); return { bytes: bytes.length }; },
  };
  all.sync_100 = syncing(100, twin);
  all.sync_empty = syncing(0, lib => lib.empty(2));
  all.sync_equal = syncing(0, twin);
  return all;
}
