// @automerge/automerge behind the same commands as engine_driver.cpp, so that one list of commands
// can be put to both and the answers compared. Works on the handle below the JavaScript API: no
// proxies, every op chosen by the caller.
import * as automerge from '@automerge/automerge';

const { ApiHandler } = await import(new URL('low_level.js',
  import.meta.resolve('@automerge/automerge').replace(/entrypoints\/[^/]*$/, '')));

export const version = JSON.parse(await (await import('node:fs/promises')).readFile(
  new URL('node_modules/@automerge/automerge/package.json', import.meta.url), 'utf8')).version;

const hex = bytes => Buffer.from(bytes).toString('hex');
const unhex = text => new Uint8Array(Buffer.from(text, 'hex'));
const float = bits => new DataView(unhex(bits).buffer).getFloat64(0);
const bits = number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return hex(new Uint8Array(view.buffer));
};

const EMPTY = { map: () => ({}), list: () => [], text: () => '' };

function scalar([type, value]) {
  if (type === 'f64') return float(value);
  if (type === 'bytes') return unhex(value);
  if (type === 'timestamp') return new Date(value);
  return type === 'null' ? null : value;
}

function describeScalar(type, value) {
  if (type === 'f64') return ['f64', bits(value)];
  if (type === 'bytes') return ['bytes', hex(value)];
  if (type === 'timestamp') return ['timestamp', value.getTime()];
  return [type, typeof value === 'bigint' ? Number(value) : value];
}

function markValue(value) {
  if (typeof value === 'boolean') return ['boolean', value];
  return typeof value === 'string' ? ['str', value] : ['int', Number(value)];
}

function describeRegister(handle, values, heads) {
  return values.map(value => {
    if (value.length === 2 && value[0] in EMPTY)
      return [value[0], describeObject(handle, value[1], value[0], heads), value[1]];
    return [...describeScalar(value[0], value[1]), value[2]];
  });
}

function describeObject(handle, id, type, heads) {
  if (type === 'text') {
    return {
      text: handle.text(id, heads),
      length: handle.length(id, heads),
      marks: handle.marks(id, heads).map(m => [m.name, markValue(m.value), m.start, m.end]),
      spans: handle.spans(id, heads).map(span => span.type === 'block' ? ['block', span.value]
        : ['text', span.value, Object.entries(span.marks ?? {}).map(([n, v]) => [n, markValue(v)]).sort(byKey)]),
    };
  }
  if (type === 'list') {
    const list = [];
    for (let i = 0; i < handle.length(id, heads); ++i)
      list.push(describeRegister(handle, handle.getAll(id, i, heads), heads));
    return { list };
  }
  return { map: handle.keys(id, heads).map(key => [key, describeRegister(handle, handle.getAll(id, key, heads), heads)]).sort(byKey) };
}

/// A patch with its values as the conformance vectors write them.
function patchOf(patch) {
  const value = v => {
    if (typeof v === 'bigint') return `BIG${v}`;
    if (v instanceof Uint8Array) return { bytes: [...v] };
    if (v instanceof Date) return v.toISOString();
    return v;
  };
  const out = { ...patch };
  if ('value' in out) out.value = value(out.value);
  if (out.values) out.values = out.values.map(value);
  if (Array.isArray(out.marks)) out.marks = out.marks.map(mark => ({ ...mark, value: value(mark.value) }));
  else if (out.marks) out.marks = Object.fromEntries(Object.entries(out.marks).map(([name, v]) => [name, value(v)]));
  return out;
}

const byKey = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));

export class Reference {
  documents = new Map();
  states = new Map();

  ask(command) {
    try {
      return this[command.do](command);
    } catch (problem) {
      return { error: String(problem) };
    }
  }

  reset() {
    for (const all of [this.documents, this.states]) {
      for (const handle of all.values()) handle.free();
      all.clear();
    }
    return {};
  }

  keep(number, handle) {
    this.documents.get(number)?.free();
    this.documents.set(number, handle);
    return {};
  }

  new({ doc, actor }) { return this.keep(doc, ApiHandler.create({ actor })); }
  load({ doc, actor, bytes }) { return this.keep(doc, ApiHandler.load(unhex(bytes), { actor, allowMissingDeps: true })); }

  save({ doc, deflate }) {
    const handle = this.documents.get(doc);
    return { bytes: hex(deflate ? handle.save() : handle.saveNoCompress()) };
  }

  /// One edit, not yet committed. The answer is the id of the object it made, null, or {error}.
  editOnce(doc, [what, object, ...rest]) {
    const handle = this.documents.get(doc);
    try {
      // In a text the package passes over what is not there.
      if (what === 'erase' && typeof rest[0] === 'number' && rest[0] >= handle.length(object)) return { error: 'nothing to erase' };
      if (what === 'put') handle.put(object, rest[0], scalar(rest[1]), rest[1][0]);
      else if (what === 'make') return handle.putObject(object, rest[0], EMPTY[rest[1]]());
      else if (what === 'insert') handle.insert(object, rest[0], scalar(rest[1]), rest[1][0]);
      else if (what === 'insert_make') return handle.insertObject(object, rest[0], EMPTY[rest[1]]());
      else if (what === 'erase') handle.delete(object, rest[0]);
      else if (what === 'inc') handle.increment(object, rest[0], rest[1]);
      else if (what === 'splice') {
        // The package erases to the end where our engine refuses to erase past it.
        if (rest[0] + rest[1] > handle.length(object)) return { error: 'erases past the end' };
        handle.splice(object, rest[0], rest[1], rest[2]);
      }
      // The package takes an empty one, and of others leaves the beginning behind.
      else if (rest[1] > handle.length(object)) return { error: 'a mark past the end' };
      else handle.mark(object, { start: rest[0], end: rest[1], expand: rest[4] }, rest[2], scalar(rest[3]), rest[3][0]);
      return null;
    } catch (problem) {
      return { error: String(problem) };
    }
  }

  commit(doc, { message, time }) {
    const handle = this.documents.get(doc);
    const hash = handle.commit(message || null, time);
    return { hash, ...(hash ? { change: hex(handle.getChangeByHash(hash)) } : {}) };
  }

  edit(command) {
    if (command.at) this.isolate(command.doc, command.at);
    const results = command.edits.map(edit => this.editOnce(command.doc, edit));
    const answer = { results, ...this.commit(command.doc, command) };
    if (command.at) this.documents.get(command.doc).integrate();
    return answer;
  }

  /// From here on until integrate() as if at old heads.
  isolate(doc, heads) {
    const handle = this.documents.get(doc);
    this.known(handle, heads);
    handle.isolate(heads);
  }

  apply({ doc, changes }) { this.documents.get(doc).applyChanges(changes.map(unhex)); return {}; }
  merge({ doc, other }) { this.documents.get(doc).merge(this.documents.get(other)); return {}; }
  fork_at({ doc, as, heads, actor }) { return this.keep(as, this.documents.get(doc).fork(actor, heads)); }
  heads({ doc }) { return { heads: this.documents.get(doc).getHeads().sort() }; }

  state({ doc, at }) {
    const handle = this.documents.get(doc);
    this.known(handle, at);
    return { state: describeObject(handle, '_root', 'map', at) };
  }

  length({ doc, object, at }) { return { length: this.documents.get(doc).length(object, at) }; }

  cursor({ doc, object, index, move, at }) {
    const handle = this.documents.get(doc);
    this.known(handle, at);
    return { cursor: handle.getCursor(object, index, at, move) };
  }

  position({ doc, object, cursor, at }) {
    const handle = this.documents.get(doc);
    this.known(handle, at);
    return { position: handle.getCursorPosition(object, cursor, at) };
  }

  /// The package leaves out heads that it does not know where our engine refuses.
  known(handle, heads) {
    if (heads?.some(hash => !handle.getChangeByHash(hash))) throw new Error('unknown heads');
  }

  diff({ doc, before, after }) {
    const handle = this.documents.get(doc);
    this.known(handle, [...before, ...after]);
    return { patches: handle.diff(before, after).map(patchOf) };
  }

  read_bundle({ bytes }) { return { hashes: automerge.readBundle(unhex(bytes)).changes.map(change => change.hash).sort() }; }
  changes({ doc, since }) { return { changes: this.documents.get(doc).getChanges(since).map(hex) }; }
  missing({ doc }) { return { missing: this.documents.get(doc).getMissingDeps([]).sort() }; }

  sync_new({ state }) {
    this.states.get(state)?.free();
    this.states.set(state, ApiHandler.initSyncState());
    return {};
  }

  sync_generate({ doc, state }) {
    const message = this.documents.get(doc).generateSyncMessage(this.states.get(state));
    return { message: message ? hex(message) : null };
  }

  sync_receive({ doc, state, message }) {
    this.documents.get(doc).receiveSyncMessage(this.states.get(state), unhex(message));
    return {};
  }

  sync_reload({ state }) {
    const bytes = ApiHandler.encodeSyncState(this.states.get(state));
    this.states.get(state).free();
    this.states.set(state, ApiHandler.decodeSyncState(bytes));
    return { bytes: hex(bytes) };
  }
}
