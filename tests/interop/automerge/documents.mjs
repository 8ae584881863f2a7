// Real documents, both ways: what @automerge/automerge wrote loads in our engine with the same heads,
// and what our engine saves (deflated and not) loads in @automerge/automerge with the same heads.
//
//   node documents.mjs --driver BINARY (--shared PATH | FOLDER)    each file in the folder is one document
//
// --shared PATH is a path in the conformance hand-outs: $CONVERGE_SHARED, else ../shared beside the project.
import fs from 'node:fs';
import path from 'node:path';
import { Driver } from './driver.mjs';
import { Reference, version } from './reference.mjs';

const [, , flag, binary, ...where] = process.argv;
if (flag !== '--driver' || where.length === 0) throw new Error('usage: node documents.mjs --driver BINARY FOLDER');
const shared = process.env.CONVERGE_SHARED ?? new URL('../../../../shared', import.meta.url).pathname;
const folder = where[0] === '--shared' ? path.join(shared, where[1]) : where[0];
if (!fs.existsSync(folder)) {
  console.log(`SKIPPED: no documents at ${folder}`);
  process.exit(77);
}

const ours = new Driver(binary);
const theirs = new Reference();
const actor = '00';
let failed = 0;
for (const name of fs.readdirSync(folder).filter(f => /\.(am|amrg|automerge)$/.test(f)).sort()) {
  const problem = compare(fs.readFileSync(path.join(folder, name)).toString('hex'));
  console.log(`${problem ? 'DIFFERS' : 'same'}  ${name}${problem ? ': ' + problem : ''}`);
  if (problem) ++failed;
}

/// What is wrong with this document, or nothing.
function compare(bytes) {
  theirs.ask({ do: 'reset' });
  const loaded = [ours.ask({ do: 'load', doc: 1, actor, bytes }), theirs.ask({ do: 'load', doc: 1, actor, bytes })];
  if (loaded[0].error || loaded[0].crashed) return `does not load: ${loaded[0].error ?? loaded[0].problem}`;
  const heads = theirs.ask({ do: 'heads', doc: 1 }).heads.join();
  if (ours.ask({ do: 'heads', doc: 1 }).heads.join() !== heads) return 'other heads';
  for (const deflate of [true, false]) {
    const saved = ours.ask({ do: 'save', doc: 1, deflate });
    const back = theirs.ask({ do: 'load', doc: 2, actor, bytes: saved.bytes });
    if (back.error) return `@automerge/automerge cannot load what we saved: ${back.error}`;
    if (theirs.ask({ do: 'heads', doc: 2 }).heads.join() !== heads) return 'saved by us, it has other heads there';
    if (!deflate && theirs.ask({ do: 'save', doc: 1, deflate }).bytes !== saved.bytes) return 'the uncompressed saves differ';
  }
  return null;
}

console.log(failed ? `${failed} documents differ from @automerge/automerge ${version}` : `no difference from @automerge/automerge ${version}`);
ours.stop();
process.exit(failed ? 1 : 0);
