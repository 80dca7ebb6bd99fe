/** A Procfile: `name: command` a line, as foreman and overmind read it. */

/** Commands by their names, in the order of the file. @throws Error with the number of the first line that is none */
export function parseProcfile(text: string): Map<string, string> {
  const commands = new Map<string, string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue
    const [, name, command] = /^([A-Za-z0-9_-]+):\s*(\S.*)$/.exec(line) ?? []
    if (name === undefined || command === undefined || commands.has(name))
      throw new Error(`Line ${index + 1} of the Procfile is no new "name: command".`)
    commands.set(name, command)
  }
  return commands
}
