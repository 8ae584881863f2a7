// Makes an editing trace as a person would leave it, from a text of our own: bursts of typing, slips and
// corrections, words put in and taken out further up. One key a transaction; the same seed, the same trace.
//   node make_trace.mjs SEED TEXT-FILE KEYS > own.json
import fs from 'node:fs';

const [, , seed, file, limit] = process.argv;
let state = Number(seed) >>> 0;
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = n => Math.floor(random() * n);

const source = fs.readFileSync(file, 'utf8');
const patches = [];
let text = '';
const splice = (position, erased, inserted) => {
  patches.push([position, erased, inserted]);
  text = text.slice(0, position) + inserted + text.slice(position + erased);
};
const type = (position, words) => [...words].forEach((letter, i) => splice(position + i, 0, letter));
const backspace = (position, count) => { for (let i = 0; i < count; ++i) splice(position - 1 - i, 1, ''); };

for (let read = 0; patches.length < Number(limit) && read < source.length;) {
  const burst = source.slice(read, read + 5 + below(60));
  type(text.length, burst);
  read += burst.length;
  if (random() < 0.35) {  // a slip, noticed a few letters later
    const slip = 'tehrnadioxlmk'.slice(below(8), 9 + below(5));
    type(text.length, slip);
    backspace(text.length, slip.length);
  }
  if (random() < 0.12 && text.length > 200) {  // second thoughts further up
    const position = text.lastIndexOf(' ', below(text.length)) + 1;
    if (random() < 0.5) type(position, source.slice(below(read), read).split(' ').slice(1, 3).join(' ') + ' ');
    else {
      const end = text.indexOf(' ', position + 1);
      if (end > position) backspace(end, end - position);
    }
  }
}
const txns = patches.map(patch => ({ patches: [patch] }));
process.stdout.write(JSON.stringify({ kind: 'sequential', startContent: '', endContent: text, txns }) + '\n');
