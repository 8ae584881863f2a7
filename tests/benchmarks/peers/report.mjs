// Writes RESULTS.md and ratios.svg from the figures of one run:
//   node report.mjs engine.jsonl peers.jsonl OUT [NOTE]
// NOTE is a sentence about the circumstances, such as other load on the machine.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [, , engineFile, peersFile, out, note = ''] = process.argv;
const lines = file => fs.readFileSync(file, 'utf8').split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line));
const PEERS = ['automerge', 'yjs', 'loro', 'diamond-types'];
const UNIT_MS = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

const rows = new Map();  // workload -> {converge: {ms, bytes}, automerge: …}
const cell = (workload, library) => {
  if (!rows.has(workload)) rows.set(workload, {});
  return (rows.get(workload)[library] ??= {});
};
const versions = {};
for (const peer of lines(peersFile)) {
  versions[peer.library] = peer.version;
  if (!peer.unsupported) Object.assign(cell(peer.workload, peer.library), { ms: peer.ms, bytes: peer.bytes, messages: peer.messages });
  else cell(peer.workload, peer.library);
}
for (const report of lines(engineFile)) {
  for (const entry of report.benchmarks ?? []) {
    const name = (entry.run_name ?? entry.name).replace(/\/(real_time|iterations:\d+|min_time:[\d.]+|manual_time)/g, '');
    if (!rows.has(name) || entry.error_occurred || (entry.run_type === 'aggregate' && entry.aggregate_name !== 'median')) continue;
    Object.assign(cell(name, 'converge'), { ms: entry.real_time * UNIT_MS[entry.time_unit], bytes: entry.bytes, messages: entry.messages });
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

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: out }).toString().trim();
const head = `| workload | converge | ${PEERS.map(peer => `${peer} ${versions[peer] ?? ''}`.trim()).join(' | ')} |\n| --- | --: |${PEERS.map(() => ' --: |').join('')}`;
fs.writeFileSync(path.join(out, 'RESULTS.md'), `# Results

Written by \`peers/run\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit}: ${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, node ${process.version}.
Median milliseconds of warm runs in a process of its own, one thread; in brackets the peer's time divided by ours, so more
than 1 means that converge is faster. What each workload is, README.md says. The peers are their npm packages: \`automerge\` is
measured at the WebAssembly handle below its JavaScript API; all but \`yjs\` are Rust compiled to WebAssembly, which costs
them roughly a factor of two against a native build. Machines differ, ratios less.${note ? '\n\n' + note : ''}

${slower.length ? `Slower than \`@automerge/automerge\` in: ${slower.map(w => `\`${w}\``).join(', ')}.` : 'No row is slower than `@automerge/automerge`.'}

${head}
${table.join('\n')}

![Ratios](ratios.svg)

Bytes of the saved document, or sent in the session and in how many messages:

${head.split('\n')[0].replace(/ [\d.]+(?= \|)/g, '')}
${head.split('\n')[1]}
${sizeTable.join('\n')}
`);

const WIDTH = 900, LEFT = 230, ROW = 54, COLOURS = ['#c0392b', '#2980b9', '#27ae60', '#8e44ad'];
const scale = ratio => LEFT + ((Math.log10(Math.min(10000, Math.max(0.1, ratio))) + 1) / 5) * (WIDTH - LEFT - 60);
const svg = [`<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${chart.length * ROW + 70}" font-family="sans-serif" font-size="12">`,
  '<rect width="100%" height="100%" fill="white"/>', '<text x="10" y="20" font-size="15">Peer time divided by converge time (logarithmic; right of 1: converge is faster)</text>'];
for (const tick of [0.1, 1, 10, 100, 1000, 10000])
  svg.push(`<line x1="${scale(tick)}" x2="${scale(tick)}" y1="50" y2="${chart.length * ROW + 55}" stroke="${tick === 1 ? '#000' : '#ccc'}"/><text x="${scale(tick) + 3}" y="47" fill="#555">${tick}x</text>`);
PEERS.forEach((peer, i) => svg.push(`<rect x="${LEFT + i * 130}" y="25" width="10" height="10" fill="${COLOURS[i]}"/><text x="${LEFT + i * 130 + 14}" y="34">${peer}</text>`));
chart.forEach(({ workload, ratios }, r) => {
  const y = 58 + r * ROW;
  svg.push(`<text x="10" y="${y + 28}">${workload}</text>`);
  ratios.forEach((ratio, i) => {
    if (!Number.isFinite(ratio)) return;
    const from = Math.min(scale(1), scale(ratio)), to = Math.max(scale(1), scale(ratio));
    svg.push(`<rect x="${from}" y="${y + i * 12}" width="${Math.max(1, to - from)}" height="10" fill="${COLOURS[i]}"/><text x="${to + 3}" y="${y + 9 + i * 12}" font-size="9" fill="#555">${factor(ratio)}</text>`);
  });
});
fs.writeFileSync(path.join(out, 'ratios.svg'), svg.join('\n') + '\n</svg>\n');
console.log(`written: ${path.join(out, 'RESULTS.md')}${slower.length ? '; slower than automerge in ' + slower.join(', ') : ''}`);
