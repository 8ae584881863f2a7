// The peers behind one small interface, so that every workload is written once (workloads.mjs).
// A replica is whatever the library needs to keep. Positions are UTF-16 code units.
import fs from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const version = name => JSON.parse(fs.readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const TYPES = { id: 'int', name: 'str', done: 'boolean', price: 'f64', count: 'counter' };
const actor = n => n.toString(16).padStart(32, '0');

/// The WebAssembly handle under the JavaScript API: no proxies, nothing materialised. The fastest
/// that the package offers, and the nearest to its native core.
async function automerge() {
  const entry = import.meta.resolve('@automerge/automerge');
  await import(entry);
  const { ApiHandler: api } = await import(new URL('low_level.js', entry.replace(/entrypoints\/[^/]*$/, '')));
  const make = n => {
    const handle = api.create({ actor: actor(n) });
    return { handle, text: '/text' };
  };
  const load = bytes => ({ handle: api.load(bytes), text: '/text' });
  return {
    name: 'automerge', version: version('@automerge/automerge'),
    replica: n => { const x = make(n); x.text = x.handle.putObject('_root', 'text', ''); x.handle.commit(); return x; },
    empty: make,
    edit(x, position, erased, inserted) { x.handle.splice(x.text, position, erased, inserted); x.handle.commit(); },
    editAll(x, edits) { for (const [p, n, s] of edits) x.handle.splice(x.text, p, n, s); x.handle.commit(); },
    text: x => x.handle.text(x.text),
    save: x => x.handle.save(),
    load,
    /// The bytes of the last edit, for other replicas.
    update: x => x.handle.getLastLocalChange(),
    apply(x, updates) { x.handle.applyChanges(updates); },
    put(x, pairs) { for (const [k, v] of pairs) x.handle.put('_root', k, v); x.handle.commit(); },
    rows(x, rows) {
      const list = x.handle.putObject('_root', 'rows', []);
      rows.forEach((row, i) => {
        const map = x.handle.insertObject(list, i, {});
        for (const k in row) x.handle.put(map, k, row[k], TYPES[k]);
      });
      x.handle.commit();
    },
    plain: x => x.handle.materialize('/'),
    sync(a, b) {
      const states = [api.initSyncState(), api.initSyncState()];
      let bytes = 0, messages = 0;
      for (let silent = 0, turn = 0; silent < 2; turn ^= 1) {
        const [from, to] = turn ? [b, a] : [a, b];
        const message = from.handle.generateSyncMessage(states[turn]);
        silent = message ? 0 : silent + 1;
        if (!message) continue;
        bytes += message.length;
        ++messages;
        to.handle.receiveSyncMessage(states[turn ^ 1], message);
      }
      states.forEach(state => state.free());
      return { bytes, messages };
    },
    free(x) { x.handle.free(); },
  };
}

async function yjs() {
  const Y = await import('yjs');
  const make = n => {
    const doc = new Y.Doc({ gc: false });  // keeps deleted content, as the others do
    doc.clientID = n;
    const x = { doc, text: doc.getText('text'), last: null };
    doc.on('update', update => { x.last = update; });
    return x;
  };
  const one = (text, p, n, s) => { if (n) text.delete(p, n); if (s) text.insert(p, s); };
  return {
    name: 'yjs', version: version('yjs'),
    replica: make, empty: make,
    edit(x, p, n, s) { x.doc.transact(() => one(x.text, p, n, s)); },
    editAll(x, edits) { x.doc.transact(() => { for (const [p, n, s] of edits) one(x.text, p, n, s); }); },
    text: x => x.text.toString(),
    save: x => Y.encodeStateAsUpdateV2(x.doc),
    load: bytes => { const x = make(99); Y.applyUpdateV2(x.doc, bytes); return x; },
    update: x => x.last,
    apply(x, updates) { x.doc.transact(() => { for (const u of updates) Y.applyUpdate(x.doc, u); }); },
    put(x, pairs) { const map = x.doc.getMap('map'); x.doc.transact(() => { for (const [k, v] of pairs) map.set(k, v); }); },
    rows(x, rows) {
      const list = x.doc.getArray('rows');
      x.doc.transact(() => { for (const row of rows) { const map = new Y.Map(); for (const k in row) map.set(k, row[k]); list.push([map]); } });
    },
    plain: x => ({ ...x.doc.getMap('map').toJSON(), rows: x.doc.getArray('rows').toJSON() }),
    sync(a, b) {
      const vectors = [Y.encodeStateVector(a.doc), Y.encodeStateVector(b.doc)];
      const updates = [Y.encodeStateAsUpdate(a.doc, vectors[1]), Y.encodeStateAsUpdate(b.doc, vectors[0])];
      Y.applyUpdate(b.doc, updates[0]);
      Y.applyUpdate(a.doc, updates[1]);
      return { bytes: [...vectors, ...updates].reduce((sum, part) => sum + part.length, 0), messages: 4 };
    },
    free(x) { x.doc.destroy(); },
  };
}

async function loro() {
  const L = require('loro-crdt');
  const make = n => {
    const doc = new L.LoroDoc();
    doc.setPeerId(String(n));
    return { doc, text: doc.getText('text') };
  };
  const one = (text, p, n, s) => { if (n) text.delete(p, n); if (s) text.insert(p, s); };
  return {
    name: 'loro', version: version('loro-crdt'),
    replica: make, empty: make,
    edit(x, p, n, s) { if (x.track) x.before = x.doc.oplogVersion(); one(x.text, p, n, s); x.doc.commit(); },
    editAll(x, edits) { if (x.track) x.before = x.doc.oplogVersion(); for (const [p, n, s] of edits) one(x.text, p, n, s); x.doc.commit(); },
    text: x => x.text.toString(),
    save: x => x.doc.export({ mode: 'snapshot' }),
    load: bytes => { const x = make(99); x.doc.import(bytes); return x; },
    track(x) { x.track = true; },
    update: x => x.doc.export({ mode: 'update', from: x.before }),
    apply(x, updates) { x.doc.importBatch(updates); },
    put(x, pairs) { const map = x.doc.getMap('map'); for (const [k, v] of pairs) map.set(k, v); x.doc.commit(); },
    rows(x, rows) {
      const list = x.doc.getList('rows');
      for (const row of rows) { const map = list.pushContainer(new L.LoroMap()); for (const k in row) map.set(k, row[k]); }
      x.doc.commit();
    },
    plain: x => { const all = x.doc.toJSON(); return { ...(all.map ?? {}), rows: all.rows ?? [] }; },
    sync(a, b) {
      const vectors = [a.doc.oplogVersion().encode(), b.doc.oplogVersion().encode()];
      const updates = [[a, vectors[1]], [b, vectors[0]]].map(([x, from]) => x.doc.export({ mode: 'update', from: L.VersionVector.decode(from) }));
      b.doc.import(updates[0]);
      a.doc.import(updates[1]);
      return { bytes: [...vectors, ...updates].reduce((sum, part) => sum + part.length, 0), messages: 4 };
    },
    free(x) { x.doc.free(); },
  };
}

/// Text only, and it knows no transactions.
async function diamondTypes() {
  const { Doc } = require('diamond-types-node');
  const one = (doc, p, n, s) => { if (n) doc.del(p, n); if (s) doc.ins(p, s); };
  return {
    name: 'diamond-types', version: version('diamond-types-node'),
    replica: n => ({ doc: new Doc(String(n)) }),
    edit(x, p, n, s) { one(x.doc, p, n, s); },
    editAll(x, edits) { for (const [p, n, s] of edits) one(x.doc, p, n, s); },
    text: x => x.doc.get(),
    save: x => x.doc.toBytes(),
    load: bytes => ({ doc: Doc.fromBytes(bytes, '99') }),
    free(x) { x.doc.free(); },
  };
}

export const libraries = { automerge, yjs, loro, 'diamond-types': diamondTypes };
