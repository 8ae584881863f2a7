// What is timed (tests/benchmarks/README.md), for any library of libraries.mjs. A workload is
// {needs, prepare, run, check}: prepare is outside the clock, run inside, check outside again.
import fs from 'node:fs';
import path from 'node:path';

/// Transactions, each a list of [position, number erased, inserted], and the text at the end.
export function readTrace(folder, trace) {
  const lines = fs.readFileSync(path.join(folder, `${trace}.edits`), 'utf8').split('\n');
  return {
    transactions: lines.filter(line => line).map(line => JSON.parse(line)),
    end: fs.readFileSync(path.join(folder, `${trace}.txt`), 'utf8'),
  };
}

const replay = (lib, x, transactions) => { for (const patches of transactions) lib.editAll(x, patches); };

const KEYS = 100000;
const row = i => ({ id: i, name: 'row ' + i, done: i % 2 === 0, price: i * 0.5, count: 0 });
const equal = (a, b) => { if (a !== b) throw new Error('the result is wrong'); };

function local(trace, all) {
  return {
    needs: ['edit'],
    prepare: (lib, folder) => readTrace(folder, trace),
    run(lib, { transactions }) {
      const x = lib.replica(1);
      replay(lib, x, all ? [transactions.flat()] : transactions);
      return x;
    },
    check: (lib, x, { end }) => equal(lib.text(x), end),
  };
}

function saved(lib, folder, trace) {
  const input = readTrace(folder, trace);
  const x = lib.replica(1);
  replay(lib, x, input.transactions);
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

/// One update for each edit of the trace, as the library sends them to others.
function merge(trace) {
  return {
    needs: ['apply'],
    prepare(lib, folder) {
      const { transactions, end } = readTrace(folder, trace);
      const x = lib.replica(1);
      const updates = lib.update(x) ? [lib.update(x)] : [];
      lib.track?.(x);
      for (const patches of transactions) { lib.editAll(x, patches); updates.push(lib.update(x)); }
      return { updates, end };
    },
    run(lib, { updates }) { const x = lib.empty(5000); lib.apply(x, updates); return x; },
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
const checkRows = (lib, plain) => { equal(plain.rows.length, rows.length); equal(plain.rows[4321].name, rows[4321].name); };

/// 10,000 changes in common, each one insertion among the first fifty characters, and `own` more on each side.
function syncing(own, other) {
  return {
    needs: ['sync'],
    prepare: () => ({}),
    fresh(lib) {
      const a = lib.replica(1);
      for (let i = 0; i < 10000; ++i) lib.edit(a, Math.min(i, i % 50), 0, 'y');
      const b = other(lib, a);
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

/// By the names that engine_bench gives them.
export function workloads(folder) {
  const has = file => fs.existsSync(path.join(folder, file));
  const all = {};
  const real = ['automerge-paper', 'sveltecomponent', 'friendsforever_flat'].filter(t => has(`${t}.edits`));
  for (const trace of real.length ? real : ['own']) {
    all[`local/${trace}/change_each`] = local(trace, false);
    all[`local/${trace}/one_change`] = local(trace, true);
    all[`load/${trace}/verified`] = load(trace, false);
    all[`load/${trace}/from_store_and_edit`] = load(trace, true);
    all[`save/${trace}/after_edit`] = save(trace);
    all[`merge/${trace}`] = merge(trace);
  }
  all['maps/put_100k'] = puts(KEYS, KEYS, false);
  all['maps/overwrite_100k/one_change'] = puts(KEYS, 100, false);
  all['maps/overwrite_100k/change_each'] = puts(KEYS, 100, true);
  all['rows/build_10k'] = { needs: ['rows'], prepare: () => ({}), run: build, check: (lib, x) => checkRows(lib, lib.plain(x)) };
  all['rows/load_10k_and_read'] = {
    needs: ['rows'],
    prepare: lib => ({ bytes: lib.save(build(lib)) }),
    run(lib, { bytes }) { const x = lib.load(bytes); x.plain = lib.plain(x); return x; },
    check: (lib, x, { bytes }) => { checkRows(lib, x.plain); return { bytes: bytes.length }; },
  };
  all['sync/100_new_each'] = syncing(100, twin);
  all['sync/into_empty'] = syncing(0, lib => lib.empty(2));
  all['sync/equal'] = syncing(0, twin);
  return all;
}
