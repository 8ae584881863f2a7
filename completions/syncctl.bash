# Made from syncctl's command table: syncctl completion bash
_syncctl() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
  local command="" word i flags="" children=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "$word" in
      --ack|--actor|--after|--all|--artifacts|--as|--at|--backup|--base|--by|--check|--collections|--color|--context|--deadline|--debounce|--default|--doc|--durability|--expect|--expires|--file|--for|--format|--from|--id|--if-heads|--if-value|--into|--invariant|--invariant-cmd|--junit|--key|--kind|--limit|--list-key|--max-time|--message|--name|--older|--orders|--output|--parallel|--path|--peer|--pick|--plan|--policy|--prefix|--progress|--rate|--report|--request-id|--rule|--sample|--schema|--seed|--since|--socket|--sort|--state|--store|--tap|--timeout|--to|--top|--type|--until|--url|--value|--with|-C|-f|-l|-m|-o) ((i++)); continue ;;
      -*) continue ;;
    esac
    case "$command $word" in
      ' new') command='new' ;;
      ' ls') command='ls' ;;
      ' get') command='get' ;;
      ' heads') command='heads' ;;
      ' set') command='set' ;;
      ' unset') command='unset' ;;
      ' insert') command='insert' ;;
      ' incr') command='incr' ;;
      ' splice') command='splice' ;;
      ' patch') command='patch' ;;
      ' apply') command='apply' ;;
      ' rm') command='rm' ;;
      ' name') command='name' ;;
      'name ls') command='name ls' ;;
      'name set') command='name set' ;;
      'name rm') command='name rm' ;;
      ' import') command='import' ;;
      ' export') command='export' ;;
      ' batch') command='batch' ;;
      ' log') command='log' ;;
      ' show') command='show' ;;
      ' diff') command='diff' ;;
      ' fork') command='fork' ;;
      ' merge') command='merge' ;;
      ' conflict') command='conflict' ;;
      'conflict ls') command='conflict ls' ;;
      'conflict show') command='conflict show' ;;
      'conflict ignore') command='conflict ignore' ;;
      'conflict resolve') command='conflict resolve' ;;
      ' status') command='status' ;;
      ' sync') command='sync' ;;
      ' wait') command='wait' ;;
      ' watch') command='watch' ;;
      ' peer') command='peer' ;;
      'peer ls') command='peer ls' ;;
      'peer show') command='peer show' ;;
      'peer add') command='peer add' ;;
      'peer set') command='peer set' ;;
      'peer rm') command='peer rm' ;;
      'peer pause') command='peer pause' ;;
      'peer resume') command='peer resume' ;;
      'peer ping') command='peer ping' ;;
      ' outbox') command='outbox' ;;
      'outbox ls') command='outbox ls' ;;
      'outbox show') command='outbox show' ;;
      'outbox retry') command='outbox retry' ;;
      'outbox drop') command='outbox drop' ;;
      ' invite') command='invite' ;;
      ' join') command='join' ;;
      ' digest') command='digest' ;;
      ' verify') command='verify' ;;
      'verify file') command='verify file' ;;
      'verify convergence') command='verify convergence' ;;
      ' agent') command='agent' ;;
      'agent show') command='agent show' ;;
      'agent ping') command='agent ping' ;;
      'agent stop') command='agent stop' ;;
      ' config') command='config' ;;
      'config ls') command='config ls' ;;
      'config get') command='config get' ;;
      'config set') command='config set' ;;
      'config unset') command='config unset' ;;
      'config edit') command='config edit' ;;
      'config validate') command='config validate' ;;
      'config path') command='config path' ;;
      ' store') command='store' ;;
      'store check') command='store check' ;;
      'store repair') command='store repair' ;;
      'store salvage') command='store salvage' ;;
      'store compact') command='store compact' ;;
      'store stats') command='store stats' ;;
      'store backup') command='store backup' ;;
      'store restore') command='store restore' ;;
      'store id') command='store id' ;;
      ' debug') command='debug' ;;
      'debug kv') command='debug kv' ;;
      'debug wal') command='debug wal' ;;
      'debug manifest') command='debug manifest' ;;
      'debug table') command='debug table' ;;
      ' completion') command='completion' ;;
      ' man') command='man' ;;
      ' schema') command='schema' ;;
      ' help') command='help' ;;
      ' version') command='version' ;;
    esac
  done
  case "$command" in
    '') children='new ls get heads set unset insert incr splice patch apply rm name import export batch log show diff fork merge conflict status sync wait watch peer outbox invite join digest verify agent config store debug completion man schema help version' ;;
    'new') flags='--file -f --name --id --message -m --request-id' ;;
    'ls') flags='--limit -l --after --sort --reverse --conflicted --degraded --deleted --count' ;;
    'get') flags='--raw -r --typed --default --meta' ;;
    'heads') flags='' ;;
    'set') flags='--string -s --type --file -f --message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'unset') flags='--message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'insert') flags='--string -s --type --file -f --message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'incr') flags='--message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'splice') flags='--message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'patch') flags='--file -f --type --message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'apply') flags='--file -f --list-key --message -m --base --if-heads --if-value --if-absent --ack --durability --no-queue --request-id' ;;
    'rm') flags='' ;;
    'name') children='ls set rm' ;;
    'name ls') flags='' ;;
    'name set') flags='' ;;
    'name rm') flags='' ;;
    'import') flags='--format --into --update' ;;
    'export') flags='--format --typed --to --force' ;;
    'batch') flags='--file -f --keep-going --parallel' ;;
    'log') flags='--graph --oneline --limit -l --path --actor --since --until' ;;
    'show') flags='--ops --stat' ;;
    'diff') flags='--from --to --path --as --exit-code' ;;
    'fork') flags='--name' ;;
    'merge') flags='--fail-on-conflict --to --force' ;;
    'conflict') children='ls show ignore resolve' ;;
    'conflict ls') flags='--kind --state --exit-code' ;;
    'conflict show') flags='' ;;
    'conflict ignore') flags='' ;;
    'conflict resolve') flags='--all --pick --value --with --rule' ;;
    'status') flags='--check' ;;
    'sync') flags='--wait --explain --exit-code' ;;
    'wait') flags='--for --peer' ;;
    'watch') flags='--since --initial --path --debounce --fail-fast' ;;
    'peer') children='ls show add set rm pause resume ping' ;;
    'peer ls') flags='' ;;
    'peer show') flags='' ;;
    'peer add') flags='--key --collections --policy --rate --paused' ;;
    'peer set') flags='--url --key --collections --policy --rate --paused' ;;
    'peer rm') flags='' ;;
    'peer pause') flags='' ;;
    'peer resume') flags='' ;;
    'peer ping') flags='' ;;
    'outbox') children='ls show retry drop' ;;
    'outbox ls') flags='--peer --older' ;;
    'outbox show') flags='' ;;
    'outbox retry') flags='--peer --older' ;;
    'outbox drop') flags='--peer --older' ;;
    'invite') flags='--collections --read --expires' ;;
    'join') flags='--name' ;;
    'digest') flags='--root --state --expect' ;;
    'verify') children='file convergence' ;;
    'verify file') flags='--junit --force' ;;
    'verify convergence') flags='--orders --seed --schema --invariant --invariant-cmd --no-duplicates --no-batches --no-save-load --no-minimize --artifacts --junit --tap --max-time --force' ;;
    'agent') children='show ping stop' ;;
    'agent show') flags='' ;;
    'agent ping') flags='' ;;
    'agent stop') flags='--deadline' ;;
    'config') children='ls get set unset edit validate path' ;;
    'config ls') flags='--show-origin' ;;
    'config get') flags='' ;;
    'config set') flags='' ;;
    'config unset') flags='' ;;
    'config edit') flags='' ;;
    'config validate') flags='' ;;
    'config path') flags='' ;;
    'store') children='check repair salvage compact stats backup restore id' ;;
    'store check') flags='--quick --deep --sample --doc --backup --junit' ;;
    'store repair') flags='--apply --plan' ;;
    'store salvage') flags='--into --report' ;;
    'store compact') flags='--docs --tables --doc' ;;
    'store stats') flags='--top --by' ;;
    'store backup') flags='--incremental' ;;
    'store restore') flags='--into --check' ;;
    'store id') flags='--new' ;;
    'debug') children='kv wal manifest table' ;;
    'debug kv') flags='--prefix --explain --limit -l --digest' ;;
    'debug wal') flags='--explain' ;;
    'debug manifest') flags='' ;;
    'debug table') flags='--explain' ;;
    'completion') flags='' ;;
    'man') flags='' ;;
    'schema') flags='--all' ;;
    'help') flags='--all' ;;
    'version') flags='' ;;
  esac
  flags="$flags --output -o --json --context -C --socket --store --at --timeout --dry-run -n --quiet -q --verbose -v --yes -y --no-input --color --no-color --no-pager --progress --debug --help -h --version"
  COMPREPLY=()
  if [[ "$cur" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [[ -n "$children" && "$prev" != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$children" -- "$cur")
  else
    local IFS=$'\n' line
    while IFS=$'\t' read -r line _; do
      COMPREPLY+=("$(printf '%q' "$line")")
    done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  fi
}
complete -o default -F _syncctl syncctl
