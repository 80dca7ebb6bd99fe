/** How each command is really called: what stands under its help, by the words of the command. A command that is missing here fails its test. */
import type { Command } from "commander"

export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  put: [
    "stored put photo.jpg --wait                   # until every copy is proven",
    "stored put -r ./photos --prefix photos/",
    "tar -c src | stored put - --key src.tar",
  ],
  get: ["stored get photos/a.jpg -o a.jpg", "stored get src.tar | tar -t"],
  cp: [
    "stored cp photo.jpg :photos/                  # photos/photo.jpg",
    "stored cp -r ./photos :photos/                # again: goes on where it was cut off",
    "stored cp -r :photos/ ./backup/",
    "stored cp :photos/a.jpg :best/                # within the store: no byte is sent",
  ],
  mv: ["stored mv :inbox/a.jpg :photos/2026/", "stored mv -r :inbox/ :archive/2026/"],
  archive: ["stored archive photos/ -o photos.zip", "stored archive -k a.txt b.txt -o - --format tar | tar -t"],
  url: ["stored url photos/a.jpg --expires 10min", "stored url inbox/report.pdf --put --max-size 20MB --once"],
  ls: ["stored ls photos/", "stored ls --json | jq .size", "stored ls --backend nas -n 10"],
  stat: ["stored stat photos/a.jpg", "stored stat sha256:… --json"],
  rm: ["stored rm photos/a.jpg photos/b.jpg", "stored rm -r photos/2019/", "stored rm photos/a.jpg --backends cloud"],
  why: ["stored why photos/a.jpg", "stored why photos/a.jpg --json | jq .waits", "stored why photos/a.jpg --all"],
  events: [
    "stored events --type put,delete --key photos/",
    "stored events --after 0 --json | jq .type",
    "stored events --type sync:error -n 1          # wait for the first one",
  ],
  failed: ["stored failed", "stored failed -b nas --json | jq .error.code"],
  "sync-retry": ["stored sync-retry --failed", "stored sync-retry --backend nas --key photos/a.jpg"],
  status: ["stored status", "stored status --watch --every 5"],
  backends: ["stored backends ls", "stored backends add nas --driver fs --set root=/mnt/nas"],
  "backends ls": ["stored backends ls", "stored backends ls --json | jq .pending"],
  "backends show": ["stored backends show nas"],
  "backends test": ["stored backends test nas"],
  "backends rm": ["stored backends rm nas", "stored backends rm nas --force"],
  "backends add": [
    "stored backends add cloud                     # on a terminal: asks for what is needed",
    "stored backends add nas --driver fs --set root=/mnt/nas",
    "stored backends add cloud --from cloud.json",
  ],
  "backends pause": ["stored backends pause nas"],
  "backends resume": ["stored backends resume nas"],
  scan: ["stored scan photos", "stored scan photos --status"],
  drift: ["stored drift photos -n 20", "stored drift photos --heal"],
  tokens: ["stored tokens list", "STORED_TOKEN=<id>.<secret> STORED_URL=http://nas:7070 stored ls"],
  "tokens create": [
    'stored tokens create "backup of nas" --scope read --scope write --prefix nas/ --expires 90d',
    "stored tokens create camera --scope write --prefix camera/ --quota-bytes 50GB --rate 5",
  ],
  "tokens list": ["stored tokens list", "stored tokens list --json | jq .id"],
  "tokens show": ["stored tokens show 1f0c93ab5d21"],
  "tokens rotate": ["stored tokens rotate 1f0c93ab5d21 --overlap 24h"],
  "tokens revoke": ["stored tokens revoke 1f0c93ab5d21"],
  validate: ["stored validate photos --sample 1%", "stored validate --rate 20MB"],
  doctor: ["stored doctor", "stored doctor --repair", "stored doctor --audit audit.jsonl.1 audit.jsonl"],
  serve: ["stored serve", "STORED_HOST=0.0.0.0 STORED_ADMIN_TOKEN=… stored serve"],
  completion: [
    'eval "$(stored completion bash)"               # in ~/.bashrc',
    'eval "$(stored completion zsh)"                # in ~/.zshrc, after compinit',
    "stored completion fish > ~/.config/fish/completions/stored.fish",
  ],
}

/** The words that call a command, without the program's own. */
export function wordsOf(command: Command): string {
  const above = command.parent
  if (!above) return ""
  const before = wordsOf(above)
  return before === "" ? command.name() : `${before} ${command.name()}`
}

/** Under the help of a command. */
export function examplesText(command: Command): string {
  const examples = EXAMPLES[wordsOf(command)] ?? []
  return examples.length === 0 ? "" : ["", "Examples:", ...examples.map((each) => `  ${each}`)].join("\n")
}
