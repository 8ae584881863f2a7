// What the engine is held to: [workload as engine_bench, sync_bench or agents name it, floor, goal] in milliseconds,
// and for memory [case of memory_bench, steady floor, steady goal, peak floor, peak goal] in bytes for each document.
export const goals = [
  ['load/automerge-paper/from_store', 30, 12],
  ['load/automerge-paper/one_change', 20, 9],
  ['load/automerge-paper/from_store_and_edit', 40, 15],
  ['load/automerge-paper/verified', 250, 130],
  ['load/monday-meeting-notes.automerge/from_store', 8, 4],
  ['load/monday-meeting-notes.automerge/verified', 8, 4],
  ['save/automerge-paper', 18, 9],
  ['save/automerge-paper/after_edit', 18, 4],
  ['keystroke/automerge-paper', 0.02, 0.005],
  ['local/automerge-paper/hashes_later', 100, 52],
  ['local/automerge-paper/change_each', 260, 130],
  ['local/automerge-paper/one_change', 70, 35],
  ['local/sveltecomponent/hashes_later', 12, 6],
  ['local/sveltecomponent/change_each', 12, 6],
  ['incoming/automerge-paper', 0.02, 0.006],
  ['merge/friendsforever_flat', 30, 15],
  ['merge/C1.am', 200, 100],
  ['merge/A1.am', 120, 50],
  ['load/C1.am/from_store', 80, 30],
  ['load/C1.am/verified', 80, 30],
  ['maps/put_100k', 80, 35],
  ['maps/overwrite_100k/one_change', 60, 25],
  ['maps/overwrite_100k/change_each', 120, 60],
  ['rows/build_10k', 120, 60],
  ['rows/load_10k_and_read', 80, 30],
  ['maps/load_100k', 30, 12],
  ['maps/load_100k_and_read', 60, 30],
  ['sync/100_new_each', 10, 3],
  ['sync/100_new_each_agents', 10, 3],
  ['sync/into_empty', 25, 12],
  ['sync/equal', 2, 0.5],
  ['small/create_10k', 250, 120],
  ['small/save_10k', 60, 25],
  ['small/load_10k_and_read', 120, 50],
];

/// Measured beside them: what must not grow with the document, and history.
export const more = [
  'keystroke/1kB', 'keystroke/1MB', 'incoming/1kB', 'incoming/1MB', 'diff/last_10_of_1kB', 'diff/last_10_of_1MB',
  'merge/forks_of_1MB', 'history/automerge-paper',
];

const MiB = 1024 * 1024;
export const memoryGoals = [
  ['load/automerge-paper/verified', 16 * MiB, 6 * MiB, 32 * MiB, 12 * MiB],
  ['load/automerge-paper/from_store', 16 * MiB, 6 * MiB, 32 * MiB, 12 * MiB],
  ['small/100k_made', 256 * MiB / 100000, 1500],
  ['small/100k_loaded', 256 * MiB / 100000, 1500],
];
