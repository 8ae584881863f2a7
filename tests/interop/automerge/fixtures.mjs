// Writes tests/data/patches.jsonl: documents of random histories made by @automerge/automerge, two
// versions of each, and its patches between them, for machines without node and the hand-outs.
//
//   node fixtures.mjs --driver BINARY > ../../data/patches.jsonl
import { Driver } from './driver.mjs';
import { History, random } from './history.mjs';
import { Reference } from './reference.mjs';

const ours = new Driver(process.argv[3]);
const theirs = new Reference();
const told = {};  // patches of each kind so far
for (let seed = 1; seed <= 300; ++seed) {
  const history = new History(seed, ours, theirs);
  history.generate();
  const doc = 0;
  const rng = random(seed);
  const known = history.past.filter(heads => heads.every(hash => theirs.documents.get(doc).getChangeByHash(hash)));
  for (let n = 0; n < 2; ++n) {
    const [before, after] = [rng.pick(known), rng.pick(known)];
    const { patches } = theirs.ask({ do: 'diff', doc, before, after });
    if (!patches.some(({ action }) => (told[action] ?? 0) < 12)) continue;
    for (const { action } of patches) told[action] = (told[action] ?? 0) + 1;
    console.log(JSON.stringify({ doc: theirs.ask({ do: 'save', doc, deflate: false }).bytes, a: before, b: after, p: patches }));
  }
}
ours.stop();
process.exit(0);
