// Random histories: steps on two or three replicas, each step put to both implementations and the
// answers compared. A step is plain JSON, so that a failing history can be cut down, kept in a file
// and replayed. Objects are named by labels (the number of the edit that made them), never by ids:
// ids move when steps before them are cut away.

import { Shadow, plain } from './shadow.mjs';

/// A small seeded generator (mulberry32): one seed repeats a run.
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = n => Math.floor(next() * n);
  return { next, below, chance: p => next() < p, pick: list => list[below(list.length)] };
}

const KEYS = ['a', 'b', 'c', 'key', '', 'é', '😀', 'zz'];
const WORDS = ['x', 'ab', 'hello', 'é', '😀', 'a😀b', 'e\u0301', '\n', 'typed words', '\u0000', '👨‍👩‍👧'];
const MARKS = ['bold', 'link', 'note'];

function scalar(rng) {
  switch (rng.below(11)) {
    case 0: return ['null', null];
    case 1: return ['boolean', rng.chance(0.5)];
    case 2: return ['uint', rng.below(1000)];
    case 3: return ['f64', rng.pick(['3ff8000000000000', '7ff8000000000000', '8000000000000000', 'fff0000000000000', '400921fb54442d18'])];
    case 4: return ['bytes', rng.pick(['', '00', 'ff00ff', 'deadbeef'])];
    case 5: return ['timestamp', rng.below(2e12) - 1e9];
    case 6: case 7: return ['counter', rng.below(100) - 50];
    case 8: return ['int', rng.pick([0, 1, -1, 63, 64, -64, -65, 2 ** 40, -(2 ** 40), 300])];
    default: return ['str', rng.pick(WORDS)];
  }
}

/// Putting the value that is there already writes nothing; of NaN the package thinks that it never is.
const comparable = value => (value[1] === '7ff8000000000000' ? ['f64', '7ff0000000000000'] : value);

/// One edit that is mostly valid in the replica's present state, its open transaction included.
function edit(rng, handle, known, ids) {
  const [label, type] = rng.chance(0.25) ? ['root', 'map'] : rng.pick(known);
  let length = 0;
  try {
    length = type === 'map' ? 0 : handle.length(ids.get(label));
  } catch { /* the object is not known here: both sides must say so */ }
  const wrong = rng.chance(0.02);  // an index past the end, a key that is absent
  const place = extra => (wrong ? length + 1 + rng.below(3) : rng.below(length + extra || 1));
  if (type === 'text') {
    const kind = rng.below(10);
    if (kind < 6) return ['splice', label, place(1), rng.chance(0.3) ? rng.below(4) : 0, rng.chance(0.85) ? rng.pick(WORDS) : ''];
    if (kind < 9) {
      const start = place(1);
      const end = start + rng.below(Math.max(1, length - start + 1));
      const value = rng.chance(0.3) ? ['null', null] : rng.pick([['boolean', true], ['str', 'u'], ['int', 7]]);
      return ['mark', label, start, end, rng.pick(MARKS), value, rng.pick(['none', 'before', 'after', 'both'])];
    }
    // Elements that are no single character, which splices never make.
    if (rng.chance(0.6)) return ['insert_make', label, place(1), 'map'];
    if (rng.chance(0.3) || length === 0) return ['insert', label, place(1), scalar(rng)];
    return rng.chance(0.3) ? ['erase', label, place(0)] : ['put', label, place(0), comparable(scalar(rng))];
  }
  if (type === 'list') {
    const kind = rng.below(10);
    if (kind < 5 || length === 0)
      return rng.chance(0.75) ? ['insert', label, place(1), scalar(rng)] : ['insert_make', label, place(1), rng.pick(['map', 'list', 'text'])];
    if (kind < 7) return ['erase', label, place(0)];
    if (kind < 8) return ['inc', label, place(0), rng.below(9) - 4];
    return rng.chance(0.8) ? ['put', label, place(0), comparable(scalar(rng))] : ['make', label, place(0), rng.pick(['map', 'list', 'text'])];
  }
  const key = rng.pick(KEYS);
  const kind = rng.below(10);
  if (kind < 4) return ['put', label, key, comparable(scalar(rng))];
  if (kind < 7) return ['make', label, key, rng.pick(['map', 'list', 'text', 'text'])];
  return kind < 8 ? ['erase', label, key] : ['inc', label, key, rng.below(9) - 4];
}

/// Block attributes stay simple: spans show them as plain values, which lose the types.
const fits = (what, type) => type !== 'block' || ['put', 'erase'].includes(what[0]) && (what[0] === 'erase' || ['str', 'int', 'boolean'].includes(what[3][0]));

class Difference extends Error {
  constructor(what, ours, theirs) {
    super(`${what}\n    ours:      ${short(ours)}\n    automerge: ${short(theirs)}`);
  }
}

const short = value => { const s = JSON.stringify(value); return s === undefined || s.length < 1500 ? s : s.slice(0, 1500) + '…'; };

/// JSON with sorted object keys; every error is the same error, whatever its words.
function canonical(value) {
  if (Array.isArray(value)) return '[' + value.map(canonical).join() + ']';
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  if ('error' in value) return '{error}';
  if (Array.isArray(value.map) && Object.keys(value).length === 1) {
    const rows = value.map.map(([key, register]) => [Buffer.from(key), register]).sort(([a], [b]) => Buffer.compare(a, b));
    return '{map:' + rows.map(([key, register]) => key.toString('hex') + ':' + canonical(register)).join() + '}';
  }
  return '{' + Object.keys(value).sort().map(key => JSON.stringify(key) + ':' + canonical(value[key])).join() + '}';
}

/// What is in a block is told by spans, and compared there.
const withoutBlocks = value => JSON.parse(JSON.stringify(value, (key, part) => (key === 'block' ? true : part)));

/// One history in the making or in replay. `ours` and `theirs` answer commands (driver.mjs, reference.mjs).
export class History {
  constructor(seed, ours, theirs) {
    Object.assign(this, { seed, ours, theirs, rng: random(seed), steps: [], ids: new Map([['root', '_root']]), labels: [], past: [], states: new Map(), shadows: new Map() });
    for (const side of [ours, theirs]) side.ask({ do: 'reset' });
  }

  /// Puts one command to both; throws Difference when the answers differ in any of `fields` (all if empty).
  both(command, fields = []) {
    const [a, b] = [this.ours.ask(command), this.theirs.ask(command)];
    if (a.crashed) throw new Difference(`${command.do} ended the driver`, a, b);
    const chosen = answer => fields.length && !answer.error ? Object.fromEntries(fields.map(f => [f, answer[f]])) : answer;
    if (canonical(chosen(a)) !== canonical(chosen(b))) throw new Difference(`${command.do} ${short({ ...command, bytes: undefined })}`, a, b);
    return b;
  }

  /// Random bytes of varying length; the last one keeps the actors of a history apart.
  actor() {
    this.actorsMade = (this.actorsMade ?? 0) + 1;
    const bytes = Array.from({ length: this.rng.pick([0, 1, 3, 15]) }, () => this.rng.below(256));
    return Buffer.from([...bytes, this.actorsMade]).toString('hex');
  }

  // Steps. Each takes only plain values and leaves both sides with equal answers, or throws.

  begin(actors) {
    this.actors = [...actors];
    actors.forEach((actor, doc) => this.both({ do: 'new', doc, actor }, ['error']));
  }

  /// With `moment`, as if at old heads.
  edit(doc, edits, message, time, moment) {
    const at = moment === undefined ? undefined : this.past[moment % this.past.length];
    const answer = this.both({ do: 'edit', doc, edits: edits.map(edit => this.resolved(edit)), message, time, ...(at ? { at } : {}) });
    if (answer.error) return;
    this.learn(edits, answer.results);
    this.check(doc);
  }

  /// The edit as the implementations are told it: an id for the label, {label, made} only as a type.
  resolved([what, label, ...rest]) {
    return [what, this.ids.get(label) ?? '9999@00', ...rest.map(part => part?.made ?? part)];
  }

  learn(edits, results) {
    edits.forEach((edit, i) => {
      if (edit[0] !== 'make' && edit[0] !== 'insert_make') return;
      if (typeof results[i] === 'string') this.ids.set(edit.at(-1).label, results[i]);
    });
  }

  merge(to, from) {
    this.both({ do: 'merge', doc: to, other: from }, ['error']);
    this.check(to);
  }

  /// Hands over what `to` lacks in a shuffled order and two batches, so that some wait for others.
  give(to, from, shuffle, first) {
    const since = this.both({ do: 'heads', doc: to }).heads;
    const { changes } = this.both({ do: 'changes', doc: from, since });
    this.readOurBundle(from, since, changes);
    const rng = random(shuffle);
    for (let i = changes.length - 1; i > 0; --i) {
      const j = rng.below(i + 1);
      [changes[i], changes[j]] = [changes[j], changes[i]];
    }
    const cut = Math.floor(changes.length * first);
    for (const batch of [changes.slice(0, cut), changes.slice(cut)]) {
      this.both({ do: 'apply', doc: to, changes: batch }, ['error']);
      this.both({ do: 'missing', doc: to });
      this.check(to);
    }
  }

  /// Our bundle of what one side lacks holds for the reference what we say.
  readOurBundle(from, since, changes) {
    if (changes.length < 2) return;  // one goes as it is
    const { bytes, hashes } = this.ours.ask({ do: 'bundle', doc: from, since });
    const read = this.theirs.ask({ do: 'read_bundle', bytes });
    const said = { hashes: [...hashes].sort() };
    if (canonical(said) !== canonical(read)) throw new Difference('our bundle reads otherwise', said, read);
  }

  /// A sync session in which every message of each implementation goes to the other's replica.
  sync(a, b, keep) {
    const states = [a * 10 + b, b * 10 + a];
    if (!keep || !this.states.has(states[0])) states.forEach(state => this.both({ do: 'sync_new', state }, ['error']));
    else states.forEach(state => this.both({ do: 'sync_reload', state }));
    states.forEach(state => this.states.set(state, true));
    for (let round = 0, silent = 0; silent < 2; ++round) {
      if (round > 60) throw new Difference('the session does not end', null, null);
      const [doc, peer] = round % 2 ? [b, a] : [a, b];
      const { message } = this.message(doc, states[round % 2]);
      silent = message ? 0 : silent + 1;
      if (message) this.both({ do: 'sync_receive', doc: peer, state: states[(round + 1) % 2], message }, ['error']);
    }
    const [left, right] = [a, b].map(doc => this.both({ do: 'heads', doc }).heads);
    if (canonical(left) !== canonical(right)) throw new Difference('sync left unequal heads', left, right);
    for (const doc of [a, b]) this.check(doc);
  }

  /// The next message. A whole document in it is deflated, in other bytes by each side.
  message(doc, state) {
    const command = { do: 'sync_generate', doc, state };
    const [a, b] = [this.ours.ask(command), this.theirs.ask(command)];
    const whole = answer => /856f4a83.{8}00/.test(answer.message ?? '');
    if (whole(a) && whole(b)) return b;
    if (a.crashed || canonical(a) !== canonical(b)) throw new Difference('sync_generate', a, b);
    return b;
  }

  /// Each side loads what the other one saved, and goes on from there.
  reload(doc, deflate) {
    const command = { do: 'save', doc, deflate };
    const [a, b] = [this.ours.ask(command), this.theirs.ask(command)];
    if (a.error || a.crashed) throw new Difference('save', a, 'saved');
    const loads = [this.ours.ask({ do: 'load', doc, actor: this.actors[doc], bytes: b.bytes }),
      this.theirs.ask({ do: 'load', doc, actor: this.actors[doc], bytes: a.bytes })];
    this.shadows.delete(doc);
    if (loads.some(answer => answer.error || answer.crashed)) throw new Difference('loading what the other side saved', loads[0], loads[1]);
    this.check(doc);
  }

  look(doc, moment) {
    const at = moment === null ? undefined : this.past[moment % this.past.length];
    const { state } = this.both({ do: 'state', doc, ...(at ? { at } : {}) });
    if (!at) this.compareShadows(doc, state);
  }

  /// How the view at one old moment turns into that at another, both ways.
  diff(doc, from, to) {
    const [before, after] = [from, to].map(moment => this.past[moment % this.past.length]);
    this.patches(doc, before, after);
    this.patches(doc, after, before);
  }

  patches(doc, before, after) {
    const command = { do: 'diff', doc, before, after };
    const ours = this.ours.ask(command);
    // Marks of two texts, one behind the other, the package tells as marks of the first.
    const marksMeet = ours.patches?.some((patch, i, all) => patch.action === 'mark' && all[i + 1]?.action === 'mark');
    return marksMeet ? ours : this.both(command);
  }

  /// A cursor made at one moment, looked for at another and now.
  cursor(doc, label, index, move, from, to) {
    const object = this.ids.get(label) ?? '9999@00';
    const [made, found] = [from, to].map(moment => (moment === null ? undefined : this.past[moment % this.past.length]));
    // To the package a text that is not there yet is an empty one.
    const there = at => !at || this.theirs.ask({ do: 'length', doc, object, at }).length > 0;
    if (!there(made)) return;
    const { cursor } = this.both({ do: 'cursor', doc, object, index, move, ...(made ? { at: made } : {}) });
    if (!cursor) return;
    for (const heads of [found, undefined].filter(there)) this.both({ do: 'position', doc, object, cursor, ...(heads ? { at: heads } : {}) });
  }

  /// Tells the replica's shadow what happened since it was last told.
  follow(doc, heads) {
    const shadow = this.shadows.get(doc) ?? { copy: new Shadow(), heads: [] };
    const { patches } = this.patches(doc, shadow.heads, heads);
    shadow.copy.apply(patches);
    this.shadows.set(doc, { copy: shadow.copy, heads });
  }

  compareShadows(doc, state) {
    const shadow = this.shadows.get(doc);
    if (!shadow) return;
    const [copy, real] = [shadow.copy.show(), plain(state)].map(withoutBlocks).map(canonical);
    if (copy !== real) throw new Difference('a copy that follows the patches', copy, real);
  }

  /// Continues replica `doc` from an old moment, under a new actor.
  fork(doc, moment, actor) {
    const heads = this.past[moment % this.past.length];
    if (this.both({ do: 'fork_at', doc, as: doc, heads, actor }, ['error']).error) return;
    this.actors[doc] = actor;
    this.states.clear();
    this.shadows.delete(doc);
    this.both({ do: 'heads', doc });
    this.both({ do: 'state', doc });
    // The order of a fork's changes is nobody's promise; saves are compared from here on, so align it.
    const { bytes } = this.theirs.ask({ do: 'save', doc, deflate: true });
    this.ours.ask({ do: 'load', doc, actor, bytes });
    this.check(doc);
  }

  check(doc) {
    const { heads } = this.both({ do: 'heads', doc });
    this.past.push(heads);
    this.follow(doc, heads);
    this.both({ do: 'save', doc, deflate: false });
  }

  take(step) {
    this.steps.push(step);
    this[step[0]](...step.slice(1));
  }

  // Generation.

  /// Chooses edits one at a time, each in the state that the ones before it left, and takes the step.
  randomEdit(doc, moment) {
    const handle = this.theirs.documents.get(doc);
    if (moment !== undefined) {
      try {
        this.theirs.isolate(doc, this.past[moment % this.past.length]);
      } catch {
        return;  // not a moment of this replica
      }
    }
    const edits = [];
    const results = [];
    for (let n = 1 + this.rng.below(5); n > 0; --n) {
      const known = [['root', 'map'], ...this.labels];
      const next = edit(this.rng, handle, known.map(([label, type]) => [label, type === 'block' ? 'map' : type]), this.ids);
      const type = known.find(([label]) => label === next[1])[1];
      if (!fits(next, type)) continue;
      // At old heads the package inserts behind marks that are not there yet.
      if (moment !== undefined && type === 'text' && this.marked) continue;
      if (next[0] === 'mark') this.marked = true;
      if (next[0] === 'put' && type === 'text') this.overwritten = true;
      if (next[0] === 'make' || next[0] === 'insert_make') {
        const label = this.labels.length + 1;
        const made = next.pop();
        next.push({ label, made });
        this.labels.push([label, type === 'text' ? 'block' : made]);
      }
      edits.push(next);
      const result = this.theirs.editOnce(doc, this.resolved(next));
      results.push(result);
      this.learn([next], [result]);
    }
    handle.rollback();
    if (moment !== undefined) handle.integrate();
    this.take(['edit', doc, edits, this.rng.chance(0.3) ? 'a message' : '', this.rng.below(1e6), ...(moment === undefined ? [] : [moment])]);
  }

  /// A start that all replicas share: one object of each kind and a counter, so that edits meet.
  common(replicas) {
    const made = ['text', 'list', 'map'].map(type => ({ label: this.labels.push([this.labels.length + 1, type]), made: type }));
    this.take(['edit', 0, [...made.map((object, i) => ['make', 'root', KEYS[i], object]), ['put', 'root', 'key', ['counter', 1]],
      ['splice', made[0].label, 0, 0, 'common text'], ['insert', made[1].label, 0, ['str', 'first']], ['insert', made[1].label, 1, ['counter', 5]]], '', 1]);
    for (let to = 1; to < replicas; ++to) this.take(['merge', to, 0]);
  }

  /// `long`: more replicas and many more steps, so that trees split and conflicts pile up.
  generate(long = false) {
    const rng = this.rng;
    const replicas = long ? 3 + rng.below(3) : 2 + rng.below(2);
    this.take(['begin', Array.from({ length: replicas }, () => this.actor())]);
    if (rng.chance(0.6)) this.common(replicas);
    const two = () => { const a = rng.below(replicas); return [a, (a + 1 + rng.below(replicas - 1)) % replicas]; };
    for (let n = long ? 60 + rng.below(200) : 4 + rng.below(14); n > 0; --n) {
      const kind = rng.below(20);
      if (kind < 10 || this.past.length === 0) this.randomEdit(rng.below(replicas));
      else if (kind < 11) this.randomEdit(rng.below(replicas), rng.chance(0.5) ? rng.below(1000) : undefined);
      else if (kind < 13) this.take(['merge', ...two()]);
      else if (kind < 15) this.take(['give', ...two(), rng.below(1e6), rng.next()]);
      else if (kind < 17) this.take(['sync', ...two(), rng.chance(0.5)]);
      else if (kind < 18) this.take(['reload', rng.below(replicas), rng.chance(0.5)]);
      else if (kind < 19) this.take(rng.chance(0.5) ? ['look', rng.below(replicas), rng.below(1000)] : ['diff', rng.below(replicas), rng.below(1000), rng.below(1000)]);
      else if (rng.chance(0.5) && this.labels.some(([, type]) => type === 'text')) {
        const [label] = rng.pick(this.labels.filter(([, type]) => type === 'text'));
        const moment = () => (rng.chance(0.5) ? null : rng.below(1000));
        // Of an element that shows another op now, the package moves a cursor as if it were gone.
        const moves = this.overwritten ? ['after'] : ['before', 'after'];
        for (let i = 0; i < 8; ++i) this.take(['cursor', rng.below(replicas), label, rng.below(20), rng.pick(moves), moment(), moment()]);
      }
      else if (rng.chance(0.3)) this.take(['fork', rng.below(replicas), rng.below(1000), this.actor()]);
      else this.take(['look', rng.below(replicas), null]);
    }
    for (let to = 1; to < replicas; ++to) this.take(['sync', 0, to, false]);
    for (let to = 1; to < replicas; ++to) this.take(['merge', to, 0]);
    for (let doc = 0; doc < replicas; ++doc) this.take(['look', doc, null]);
  }

  replay(steps) { for (const step of steps) this.take(step); }
}

/// The smallest list of steps found, in at most `seconds`, that still fails.
export function shrink(steps, fails, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  const late = () => Date.now() > deadline;
  const cut = (list, rebuild) => {
    for (let size = Math.ceil(list.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
      for (let at = 0; at < list.length && !late();) {
        const fewer = [...list.slice(0, at), ...list.slice(at + size)];
        if (fails(rebuild(fewer))) list = fewer;
        else at += size;
      }
    }
    return list;
  };
  let best = cut(steps, list => list);
  for (let i = 0; i < best.length && !late(); ++i) {
    if (best[i][0] !== 'edit') continue;
    const withEdits = edits => best.map((step, j) => (j === i ? [step[0], step[1], edits, ...step.slice(3)] : step));
    best = withEdits(cut(best[i][2], withEdits));
  }
  return cut(best, list => list);
}
