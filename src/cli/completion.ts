/**
 * Completion of commands and options for shells, made from the program itself, so that it knows exactly what there is. Names of files are left to the shell. What stands in
 * a script has no quotes that a name or a description could end.
 */
import type { Command } from "commander"
import { wordsOf } from "./examples.ts"

export type Shell = "bash" | "zsh" | "fish"

export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"]

interface Node {
  /** the words that lead there, empty for the program */
  path: string
  commands: { name: string; description: string }[]
  options: { flags: string[]; description: string }[]
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program)
  if (shell === "bash") return bash(nodes)
  return shell === "zsh" ? zsh(nodes) : fish(nodes)
}

function nodesOf(command: Command): Node[] {
  const options = [command.options, command.parent ? rootOf(command).options : []].flat()
  const node: Node = {
    path: wordsOf(command),
    commands: command.commands.map((each) => ({ name: each.name(), description: plain(each.description()) })),
    options: [
      ...options.map(({ short, long, description }) => ({
        flags: [short, long].filter((flag) => flag != null),
        description: plain(description),
      })),
      { flags: ["-h", "--help"], description: "display help for command" },
    ],
  }
  return [node, ...command.commands.flatMap(nodesOf)]
}

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command
}

function plain(text: string): string {
  return text.replace(/['"`$\\:[\]]/g, " ").replace(/\s+/g, " ")
}

/** `case` patterns of every command, so that values of options are not taken for one. */
function paths(nodes: readonly Node[]): string {
  return nodes.flatMap(({ path }) => (path === "" ? [] : [`" ${path}"`])).join("|")
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, commands, options }) => {
    const flags = options.flatMap((option) => option.flags)
    return `    "${path === "" ? "" : ` ${path}`}") commands="${commands.map(({ name }) => name).join(" ")}" options="${flags.join(" ")}" ;;`
  })
  return `# stored: completion for bash
_stored() {
  local current=\${COMP_WORDS[COMP_CWORD]} path="" commands="" options="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${paths(nodes)}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  fi
}
complete -o default -F _stored stored
`
}

function zsh(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, commands, options }) => {
    const names = commands.map(({ name, description }) => `'${name}:${description}'`)
    const flags = options.flatMap(({ flags, description }) => flags.map((flag) => `'${flag}:${description}'`))
    return `    ("${path === "" ? "" : ` ${path}`}") commands=(${names.join(" ")}); options=(${flags.join(" ")}) ;;`
  })
  return `#compdef stored
_stored() {
  local at="" i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${paths(nodes)}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (( \${#commands} )); then
    _describe command commands
  else
    _files
  fi
}
compdef _stored stored
`
}

function fish(nodes: readonly Node[]): string {
  const known = nodes.flatMap(({ path }) => (path === "" ? [] : [`'${path}'`])).join(" ")
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const at = `complete -c stored -n "__stored_at '${path}'"`
    return [
      ...commands.map(({ name, description }) => `${at} -f -a ${name} -d '${description}'`),
      ...options.map(({ flags, description }) => `${at} ${flags.map(fishFlag).join(" ")} -d '${description}'`),
    ]
  })
  return `# stored: completion for fish
function __stored_at
    set -l at
    for word in (commandline -opc)[2..-1]
        if contains -- (string join ' ' $at $word) ${known}
            set -a at $word
        end
    end
    test (string join ' ' -- $at) = "$argv[1]"
end
${lines.join("\n")}
`
}

function fishFlag(flag: string): string {
  return flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
}
