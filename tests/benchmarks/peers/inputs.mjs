// Turns traces into the files that both sides of the comparison read (tests/benchmarks/README.md):
//   node inputs.mjs OUT FILE.json.gz…
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const [, , out, ...files] = process.argv;
fs.mkdirSync(out, { recursive: true });
const write = (name, data) => fs.writeFileSync(path.join(out, name), data);

for (const file of files) {
  const name = path.basename(file).replace(/\.json(\.gz)?$/, '');
  const raw = fs.readFileSync(file);
  const trace = JSON.parse(file.endsWith('.gz') ? zlib.gunzipSync(raw) : raw);
  if (fs.existsSync(path.join(out, `${name}.txt`))) continue;
  if (trace.kind === 'concurrent') continue;  // positions in versions of their own; engine_bench reads those itself
  sequential(name, trace);
  console.log(`inputs made of ${name}`);
}

function sequential(name, trace) {
  write(`${name}.edits`, trace.txns.map(txn => JSON.stringify(txn.patches) + '\n').join(''));
  write(`${name}.txt`, trace.endContent);
}
