// A plain copy of a document that only ever sees patches: if they are right, it shows what the document
// shows. Texts are lists of units, {c, marks} for a UTF-16 unit and {block} for a block marker.

const made = value => (Array.isArray(value) ? [] : value !== null && typeof value === 'object' && isEmpty(value) ? {} : value);
const isEmpty = value => Object.keys(value).length === 0;

class Text {
  units = [];
}

export class Shadow {
  root = {};

  apply(patches) {
    for (const patch of patches) this[patch.action](patch);
  }

  /// The container that the path leads to, without its last `keep` steps.
  at(path, keep) {
    let here = this.root;
    for (const step of path.slice(0, path.length - keep)) {
      here = here instanceof Text ? here.units[step].block : here[step];
    }
    return here;
  }

  put({ path, value }) { this.at(path, 1)[path.at(-1)] = value === '' ? new Text() : made(value); }

  insert({ path, values }) {
    const target = this.at(path, 1);
    if (target instanceof Text) target.units.splice(path.at(-1), 0, ...values.map(() => ({ block: {} })));
    else target.splice(path.at(-1), 0, ...values.map(value => (value === '' ? new Text() : made(value))));
  }

  splice({ path, value, marks }) {
    const units = value.split('').map(c => ({ c, marks: { ...marks } }));
    this.at(path, 1).units.splice(path.at(-1), 0, ...units);
  }

  del({ path, length }) {
    const target = this.at(path, 1);
    const list = target instanceof Text ? target.units : target;
    if (Array.isArray(list)) list.splice(path.at(-1), length ?? 1);
    else delete list[path.at(-1)];
  }

  inc({ path, value }) { this.at(path, 1)[path.at(-1)] += value; }
  conflict() {}

  mark({ path, marks }) {
    const { units } = this.at(path, 0);
    for (const { name, value, start, end } of marks) {
      for (const unit of units.slice(start, end)) {
        if (!unit.marks) continue;
        if (value === null) delete unit.marks[name];
        else unit.marks[name] = value;
      }
    }
  }

  /// In the form of `plain` below. An empty string and an empty text look alike in patches, and here.
  show(value = this.root) {
    if (value instanceof Text) return value.units.length ? { text: value.units.map(unit => (unit.block ? { block: this.show(unit.block) } : unit)) } : '';
    if (Array.isArray(value)) return value.map(item => this.show(item));
    if (value === null || typeof value !== 'object' || value.bytes) return value;
    return { map: Object.entries(value).map(([key, item]) => [key, this.show(item)]) };
  }
}

/// The winners of a state as describe.h has it, in the form of Shadow.show.
export function plain(state) {
  const winner = register => {
    const [type, value] = register.at(-1);
    if (type === 'map' || type === 'list' || type === 'text') return plain(value);
    if (type === 'null') return null;
    if (type === 'bytes') return { bytes: [...Buffer.from(value, 'hex')] };
    if (type === 'timestamp') return new Date(value).toISOString();
    if (type === 'uint') return `BIG${value}`;
    if (type !== 'f64') return value;
    const number = Buffer.from(value, 'hex').readDoubleBE();
    return Number.isFinite(number) ? number : null;
  };
  if (state.map) return { map: state.map.map(([key, register]) => [key, winner(register)]) };
  if (state.list) return state.list.map(winner);
  const units = [];
  for (const [kind, value, names] of state.spans) {
    if (kind === 'block') units.push({ block: null });
    else units.push(...value.split('').map(c => ({ c, marks: Object.fromEntries(names.map(([name, scalar]) => [name, scalar[0] === 'null' ? null : scalar[1]])) })));
  }
  return units.length ? { text: units } : '';
}
