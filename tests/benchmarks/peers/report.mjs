// Writes RESULTS.md and ratios.svg from the figures of one run:
//   node report.mjs WORK OUT [NOTE]
// WORK holds engine.jsonl, peers.jsonl and memory.jsonl; NOTE is a sentence about the circumstances, such as other
// load on the machine.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { goals, memoryGoals, more } from './goals.mjs';

const [, , work, out, note = ''] = process.argv;
const lines = name => {
  const file = path.join(work, name);
  if (!fs.existsSync(file)) return [];
  return fs.readFileSync(file, 'utf8').split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line));
};
const NPM = ['automerge', 'yjs', 'loro', 'diamond-types'];
const NATIVE = ['automerge-native', 'yrs-native', 'loro-native', 'diamond-types-native'];
const UNIT_MS = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

const rows = new Map();  // workload -> {converge: {ms, bytes}, automerge: …}
const cell = (workload, library) => {
  if (!rows.has(workload)) rows.set(workload, {});
  return (rows.get(workload)[library] ??= {});
};
const versions = {};
const measured = {};  // ours, by workload, also where no peer can do it
const peerLines = lines('peers.jsonl');
const PEERS = [...NPM, ...NATIVE.filter(name => peerLines.some(peer => peer.library === name))];
for (const peer of peerLines) {
  versions[peer.library] = peer.version;
  if (!peer.unsupported) Object.assign(cell(peer.workload, peer.library), { ms: peer.ms, bytes: peer.bytes, messages: peer.messages });
  else cell(peer.workload, peer.library);
}
for (const report of lines('engine.jsonl')) {
  for (const entry of report.benchmarks ?? []) {
    const name = (entry.run_name ?? entry.name).replace(/\/(real_time|iterations:\d+|min_time:[\d.]+|manual_time)/g, '');
    if (entry.error_occurred || (entry.run_type === 'aggregate' && entry.aggregate_name !== 'median')) continue;
    measured[name] = { ms: entry.real_time * UNIT_MS[entry.time_unit], bytes: entry.bytes, messages: entry.messages };
    if (!rows.has(name)) continue;
    Object.assign(cell(name, 'converge'), measured[name]);
  }
}

const time = ms => (ms === undefined ? '' : ms >= 100 ? ms.toFixed(0) : ms >= 1 ? ms.toFixed(1) : ms.toPrecision(2));
const factor = x => (x >= 10 ? x.toFixed(0) : x >= 0.1 ? x.toFixed(1) : x.toFixed(2));
const table = [];
const chart = [];
for (const [workload, row] of rows) {
  const ours = row.converge?.ms;
  const cells = PEERS.map(peer => {
    const theirs = row[peer]?.ms;
    if (theirs === undefined) return '-';
    return ours === undefined ? time(theirs) : `${time(theirs)} (${factor(theirs / ours)}x)`;
  });
  table.push(`| \`${workload}\` | ${ours === undefined ? 'not measured' : time(ours)} | ${cells.join(' | ')} |`);
  if (ours !== undefined) chart.push({ workload, ratios: PEERS.map(peer => row[peer]?.ms / ours) });
}
const sizes = [...rows].filter(([, row]) => [row.converge, ...PEERS.map(p => row[p])].some(c => c?.bytes));
const sizeTable = sizes.map(([workload, row]) =>
  `| \`${workload}\` | ${['converge', ...PEERS].map(l => (row[l]?.bytes === undefined ? '-' : row[l].bytes + (row[l].messages ? ` in ${row[l].messages}` : ''))).join(' | ')} |`);
const slower = [...rows].filter(([, row]) => row.converge?.ms > row.automerge?.ms).map(([workload]) => workload);

const exact = ms => (ms < 0.1 ? `${(ms * 1000).toPrecision(2)} us` : `${time(ms)} ms`);
const reached = (value, floor, goal) => (value <= goal ? 'goal' : value <= floor ? 'floor' : '**above the floor**');
const goalTable = goals.filter(([name]) => measured[name]).map(([name, floor, goal]) =>
  `| \`${name}\` | ${exact(measured[name].ms)} | ${exact(goal)} | ${exact(floor)} | ${reached(measured[name].ms, floor, goal)} |`);
const moreTable = more.filter(name => measured[name]).map(name => `| \`${name}\` | ${exact(measured[name].ms)} | | | |`);
const agentTable = Object.entries(measured).filter(([name]) => name.startsWith('agents/')).map(([name, { ms, bytes, messages }]) =>
  `| \`${name}\` | ${exact(ms)} | ${bytes ?? '-'} | ${messages ?? '-'} |`);
const size = bytes => (bytes >= 1024 * 1024 ? `${(bytes / 1024 / 1024).toFixed(1)} MiB` : `${Math.round(bytes)} B`);
const memoryTable = lines('memory.jsonl').map(({ memory, count, steady_bytes, peak_bytes }) => {
  const [, floor, goal, peakFloor, peakGoal] = memoryGoals.find(([name]) => name === memory) ?? [];
  const each = steady_bytes / count, peak = peak_bytes / count;
  const judged = (value, low, high) => (low === undefined ? size(value) : `${size(value)} (${size(high)}; ${size(low)}: ${reached(value, low, high)})`);
  return `| \`${memory}\` | ${judged(each, floor, goal)} | ${judged(peak, peakFloor, peakGoal)} | ${size(steady_bytes)} |`;
});

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: out }).toString().trim();
const head = `| workload | converge | ${PEERS.map(peer => `${peer} ${versions[peer] ?? ''}`.trim()).join(' | ')} |\n| --- | --: |${PEERS.map(() => ' --: |').join('')}`;
// What other programs measured stays, between their marks.
const before = fs.existsSync(path.join(out, 'RESULTS.md')) ? fs.readFileSync(path.join(out, 'RESULTS.md'), 'utf8') : '';
const kept = before.match(/<!-- (\w+): begin -->\n[^]*?<!-- \1: end -->\n/g) ?? [];
fs.writeFileSync(path.join(out, 'RESULTS.md'), `# Results

Written by \`peers/run\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit}: ${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, node ${process.version}.
Median milliseconds of warm runs in a process of its own, one thread; in brackets the peer's time divided by ours, so more
than 1 means that converge is faster. What each workload is, README.md says. The peers are their npm packages, and native
builds of the Rust crates where the name says so: \`automerge\` from npm is measured at the WebAssembly handle below its
JavaScript API; all but \`yjs\` are Rust compiled to WebAssembly there, which costs them roughly a factor of two. Machines
differ, ratios less.${note ? '\n\n' + note : ''}

${slower.length ? `Slower than \`@automerge/automerge\` in: ${slower.map(w => `\`${w}\``).join(', ')}.` : 'No row is slower than `@automerge/automerge`.'}

${head}
${table.join('\n')}

![Ratios](ratios.svg)

## Against the goals

The floor is what a complete version must reach, the goal makes the engine the fastest of its family.

| workload | converge | goal | floor | reached |
| --- | --: | --: | --: | --- |
${[...goalTable, ...moreTable].join('\n')}

## Memory

Resident bytes above those of the process before, for each document; each case in a fresh process. In brackets goal; floor.

| case | steady | peak | steady in all |
| --- | --: | --: | --: |
${memoryTable.join('\n')}
${agentTable.length ? `
## Between our own agents

Two \`syncd\` on this machine, over the loopback interface, durable stores on both sides; bytes are those of the connection.

| exchange | time | bytes | messages |
| --- | --: | --: | --: |
${agentTable.join('\n')}
` : ''}
## Bytes

Bytes of the saved document, or sent in the session and in how many messages:

${head.split('\n')[0].replace(/ [\d.]+(?= \|)/g, '')}
${head.split('\n')[1]}
${sizeTable.join('\n')}
${kept.map(part => '\n' + part).join('')}`);

const WIDTH = 900, LEFT = 230, ROW = 12 * PEERS.length + 6, COLOURS = ['#c0392b', '#2980b9', '#27ae60', '#8e44ad', '#e59866', '#85c1e9', '#82e0aa', '#c39bd3'];
const scale = ratio => LEFT + ((Math.log10(Math.min(10000, Math.max(0.1, ratio))) + 1) / 5) * (WIDTH - LEFT - 60);
const svg = [`<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${chart.length * ROW + 70}" font-family="sans-serif" font-size="12">`,
  '<rect width="100%" height="100%" fill="white"/>', '<text x="10" y="20" font-size="15">Peer time divided by converge time (logarithmic; right of 1: converge is faster)</text>'];
for (const tick of [0.1, 1, 10, 100, 1000, 10000])
  svg.push(`<line x1="${scale(tick)}" x2="${scale(tick)}" y1="50" y2="${chart.length * ROW + 55}" stroke="${tick === 1 ? '#000' : '#ccc'}"/><text x="${scale(tick) + 3}" y="47" fill="#555">${tick}x</text>`);
PEERS.forEach((peer, i) => svg.push(`<rect x="${10 + i * 108}" y="25" width="10" height="10" fill="${COLOURS[i]}"/><text x="${24 + i * 108}" y="34" font-size="10">${peer}</text>`));
chart.forEach(({ workload, ratios }, r) => {
  const y = 58 + r * ROW;
  svg.push(`<text x="10" y="${y + ROW / 2}">${workload}</text>`);
  ratios.forEach((ratio, i) => {
    if (!Number.isFinite(ratio)) return;
    const from = Math.min(scale(1), scale(ratio)), to = Math.max(scale(1), scale(ratio));
    svg.push(`<rect x="${from}" y="${y + i * 12}" width="${Math.max(1, to - from)}" height="10" fill="${COLOURS[i]}"/><text x="${to + 3}" y="${y + 9 + i * 12}" font-size="9" fill="#555">${factor(ratio)}</text>`);
  });
});
fs.writeFileSync(path.join(out, 'ratios.svg'), svg.join('\n') + '\n</svg>\n');
console.log(`written: ${path.join(out, 'RESULTS.md')}${slower.length ? '; slower than automerge in ' + slower.join(', ') : ''}`);
