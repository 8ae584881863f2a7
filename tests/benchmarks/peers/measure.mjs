// Times one workload with one library in this process and prints one JSON line:
//   node --expose-gc measure.mjs LIBRARY WORKLOAD INPUTS
// cold_ms is the first call (WebAssembly not yet optimised), ms the median of the later ones.
import { libraries } from './libraries.mjs';
import { workloads } from './workloads.mjs';

const [, , name, workload, folder] = process.argv;
const lib = await libraries[name]();
const job = workloads(folder)[workload];
const result = { library: name, version: lib.version, workload };
const finish = extra => { console.log(JSON.stringify({ ...result, ...extra })); process.exit(0); };
if (job.needs.some(method => !lib[method])) finish({ unsupported: true });

const BUDGET_MS = Number(process.env.CONVERGE_BENCH_BUDGET_MS ?? 4000);
const prepared = job.prepare(lib, folder);
const times = [];
let facts = {};
for (const started = performance.now(); times.length < 2 || (performance.now() - started < BUDGET_MS && times.length < 30);) {
  const input = job.fresh ? job.fresh(lib, prepared) : prepared;
  job.between?.(lib, prepared);
  globalThis.gc?.();
  const before = performance.now();
  const outcome = job.run(lib, input);
  times.push(performance.now() - before);
  facts = job.check(lib, outcome, input) ?? {};
  if (!job.fresh && !outcome.kept) lib.free(outcome);
}
const warm = times.slice(1).sort((a, b) => a - b);
finish({ cold_ms: times[0], ms: warm[warm.length >> 1], max_ms: warm.at(-1), runs: warm.length, ...facts });
