// Our engine, as a child process that answers one JSON line with one JSON line (engine_driver.cpp).
// Named pipes and blocking reads: a question costs two context switches and no event loop.
import { spawn, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export class Driver {
  constructor(binary) {
    this.binary = binary;
    this.start();
  }

  start() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'converge-interop-'));
    const question = path.join(this.folder, 'question');
    const answer = path.join(this.folder, 'answer');
    execFileSync('mkfifo', [question, answer]);
    this.child = spawn('sh', ['-c', 'exec "$0" <"$1" >"$2"', this.binary, question, answer], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.out = fs.openSync(question, 'w');
    this.in = fs.openSync(answer, 'r');
    this.rest = '';
    this.buffer = Buffer.alloc(1 << 16);
  }

  /// The answer to one command. A driver that died is an answer too: {"crashed": true}.
  ask(command) {
    try {
      fs.writeSync(this.out, JSON.stringify(command) + '\n');
      for (;;) {
        const end = this.rest.indexOf('\n');
        if (end >= 0) {
          const line = this.rest.slice(0, end);
          this.rest = this.rest.slice(end + 1);
          return JSON.parse(line);
        }
        const got = fs.readSync(this.in, this.buffer);
        if (got === 0) throw new Error('the driver has ended');
        this.rest += this.buffer.latin1Slice(0, got);  // the driver answers in ASCII
      }
    } catch (problem) {
      this.stop();
      this.start();
      return { crashed: true, problem: String(problem) };
    }
  }

  stop() {
    for (const file of [this.out, this.in]) fs.closeSync(file);
    this.child.kill('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
