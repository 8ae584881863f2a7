// The workloads that the inputs allow and a pattern chooses, one a line: node names.mjs INPUTS REGEX
import { workloads } from './workloads.mjs';
const [, , folder, only] = process.argv;
for (const name of Object.keys(workloads(folder))) if (new RegExp(only).test(name)) console.log(name);
