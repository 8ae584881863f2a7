// Compares our engine with @automerge/automerge on random histories.
//
//   node differential.mjs --driver BINARY [--part P --parts N] [--out FOLDER]
//   node differential.mjs --driver BINARY --replay FILE|FOLDER     cases kept from earlier failures
//
// CONVERGE_INTEROP_HISTORIES (10,000) histories are made, from seed CONVERGE_INTEROP_SEED (1) on; each
// 200th is ten times as long. With CONVERGE_INTEROP_MINUTES it goes on until that time is over.
// The first difference is cut down, printed, and written to FOLDER/history-SEED.json; that file goes
// into cases/ together with the fix.
import fs from 'node:fs';
import path from 'node:path';
import { Driver } from './driver.mjs';
import { History, shrink } from './history.mjs';
import { Reference, version } from './reference.mjs';

const options = { part: 0, parts: 1, out: '.', replay: null, driver: null };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!(name in options)) throw new Error(`unknown option ${process.argv[i]}`);
  options[name] = process.argv[i + 1];
}

const ours = new Driver(options.driver);
const theirs = new Reference();

/// The difference that these steps show, or nothing. A panic of the reference is no difference.
function failureOf(run) {
  try {
    run();
    return null;
  } catch (problem) {
    if (/unreachable|recursive use|null pointer|cant rewrite/.test(problem.message)) return null;
    return problem;
  }
}

function report(seed, steps, problem) {
  const fails = candidate => candidate[0]?.[0] === 'begin' && failureOf(() => new History(seed, ours, theirs).replay(candidate)) !== null;
  const small = fails(steps) ? shrink(steps, fails) : steps;
  const last = failureOf(() => new History(seed, ours, theirs).replay(small)) ?? problem;
  const file = path.join(options.out, `history-${seed}.json`);
  fs.writeFileSync(file, '[\n' + small.map(step => '  ' + JSON.stringify(step)).join(',\n') + '\n]\n');
  console.error(`history with seed ${seed} differs from @automerge/automerge ${version}:`);
  console.error(`  ${last.message}\nsmallest history found (${small.length} steps of ${steps.length}), kept in ${file}:`);
  for (const step of small) console.error('  ' + JSON.stringify(step));
}

function replay(place) {
  const files = fs.statSync(place).isDirectory()
    ? fs.readdirSync(place).filter(f => f.endsWith('.json')).map(f => path.join(place, f)) : [place];
  let failed = 0;
  for (const file of files) {
    const kept = JSON.parse(fs.readFileSync(file, 'utf8'));
    const problem = failureOf(() => new History(0, ours, theirs).replay(kept));
    if (!problem) continue;
    ++failed;
    console.error(`${file}: ${problem.message}`);
  }
  console.log(`${files.length} kept histories replayed, ${failed} differ`);
  return failed === 0;
}

function explore() {
  const histories = Math.ceil((process.env.CONVERGE_INTEROP_HISTORIES ?? 10_000) / options.parts);
  const first = Number(process.env.CONVERGE_INTEROP_SEED ?? 1) + histories * options.part;
  const started = Date.now();
  let steps = 0;
  const minutes = Number(process.env.CONVERGE_INTEROP_MINUTES ?? 0);
  const more = seed => (minutes ? Date.now() - started < minutes * 60_000 : seed < first + histories);
  let seed = first;
  for (; more(seed); ++seed) {
    const history = new History(seed, ours, theirs);
    const problem = failureOf(() => history.generate(seed % 200 === 0));
    steps += history.steps.length;
    if (!problem) continue;
    report(seed, history.steps, problem);
    return false;
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${seed - first} histories from seed ${first}: ${steps} steps compared with @automerge/automerge ${version} in ${seconds} s, no difference`);
  return true;
}

const same = options.replay ? replay(options.replay) : explore();
ours.stop();
process.exit(same ? 0 : 1);
