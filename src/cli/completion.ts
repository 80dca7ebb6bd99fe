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
  /** `isValued`: what follows is its value */
  options: { flags: string[]; description: string; isValued: boolean }[]
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
    commands: [
      ...command.commands.map((each) => ({ name: each.name(), description: plain(each.description()) })),
      ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
        argChoices.map((name) => ({ name, description: plain(description) })),
      ),
    ],
    options: [
      ...options.map(({ short, long, description, required, optional }) => ({
        flags: [short, long].filter((flag) => flag != null),
        description: plain(description),
        isValued: required || optional,
      })),
      { flags: ["-h", "--help"], description: "display help for command", isValued: false },
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

/** Flags, of which those before a value alone, with spaces between them. */
function flagsOf({ options }: Node, isValued = false): string {
  return options.flatMap((option) => (option.isValued || !isValued ? option.flags : [])).join(" ")
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const at = node.path === "" ? "" : ` ${node.path}`
    const names = node.commands.map(({ name }) => name).join(" ")
    return `    "${at}") names="${names}" flags="${flagsOf(node)}" valued="${flagsOf(node, true)}" ;;`
  })
  return `# stored: completion for bash
_stored() {
  local current=\${COMP_WORDS[COMP_CWORD]} at="" names="" flags="" valued="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${paths(nodes)}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  COMPREPLY=()
  # The value of an option, like whatever is found below, is a file's name unless the user knows better.
  if [[ " $valued " == *" \${COMP_WORDS[COMP_CWORD - 1]} "* ]]; then return; fi
  if [[ $current == -* ]]; then names=$flags; fi
  COMPREPLY=($(compgen -W "$names" -- "$current"))
}
complete -o default -F _stored stored
`
}

function zsh(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const at = node.path === "" ? "" : ` ${node.path}`
    const names = node.commands.map(({ name, description }) => `'${name}:${description}'`)
    const flags = node.options.flatMap(({ flags, description }) => flags.map((flag) => `'${flag}:${description}'`))
    return `    ("${at}") names=(${names.join(" ")}); flags=(${flags.join(" ")}); valued=(${flagsOf(node, true)}) ;;`
  })
  return `#compdef stored
_stored() {
  local at="" i
  local -a names flags valued
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${paths(nodes)}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  if (( \${valued[(Ie)\${words[CURRENT-1]}]} )); then
    _files
  elif [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option flags
  elif (( \${#names} )); then
    _describe command names
  else
    _files
  fi
}
# As a file of the fpath it is this function itself; otherwise it is told to the shell.
if [[ $funcstack[1] == _stored ]]; then _stored "$@"; else compdef _stored stored; fi
`
}

function fish(nodes: readonly Node[]): string {
  const known = nodes.flatMap(({ path }) => (path === "" ? [] : [`'${path}'`])).join(" ")
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const at = `complete -c stored -n "__stored_at '${path}'"`
    return [
      ...commands.map(({ name, description }) => `${at} -f -a ${name} -d '${description}'`),
      ...options.map(({ flags, description, isValued }) => {
        return `${at} ${flags.map(fishFlag).join(" ")}${isValued ? " -r" : ""} -d '${description}'`
      }),
    ]
  })
  return `# stored: completion for fish
function __stored_at
    set -l at
    set -l given (commandline -opc)
    for word in $given[2..-1]
        if contains -- (string join -- ' ' $at $word) ${known}
            set -a at $word
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join("\n")}
`
}

function fishFlag(flag: string): string {
  return flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
}
