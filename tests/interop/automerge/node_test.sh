#!/bin/sh
# node_test.sh FOLDER SCRIPT ARG…: runs a node script of FOLDER; 77 (skipped) where node or its packages are missing.
folder=$1
shift
command -v node >/dev/null || { echo "SKIPPED: node is not installed"; exit 77; }
if [ ! -d "$folder/node_modules" ]; then
  echo "SKIPPED: $folder has no node_modules; run \"npm ci\" there"
  exit 77
fi
cd "$folder" && exec node "$@"
