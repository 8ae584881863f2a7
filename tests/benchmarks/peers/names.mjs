// The workloads that the inputs allow and a pattern chooses, one a line:
//   node names.mjs INPUTS REGEX          those that peers can do, too
//   node names.mjs INPUTS REGEX ours     those that only we are measured at
import { goals, more } from './goals.mjs';
import { workloads } from './workloads.mjs';
const [, , folder, only, ours] = process.argv;
const shared = Object.keys(workloads(folder));
const names = ours ? [...goals.map(([name]) => name), ...more].filter(name => !shared.includes(name)) : shared;
for (const name of names) if (new RegExp(only).test(name)) console.log(name);
