/** The text that Prometheus reads, as numbers: `name{label="value",…}` with the labels in order of their names. Strict about every line. */

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

export function readMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) \S+ /.test(line)) continue
    const [, name, labels, value] = SAMPLE.exec(line) ?? []
    if (name === undefined) throw new Error(`no sample: ${line}`)
    const key = name + readLabels(labels ?? "")
    if (samples.has(key)) throw new Error(`twice: ${line}`)
    samples.set(key, Number(value))
  }
  return samples
}

function readLabels(text: string): string {
  const labels: string[] = []
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex
    const match = LABEL.exec(text)
    if (!match) throw new Error(`no label: ${text.slice(at)}`)
    labels.push(`${match[1]}="${match[2]}"`)
  }
  return labels.length === 0 ? "" : `{${labels.sort().join(",")}}`
}

/** Those of one name, without the process's own. */
export function samplesOf(text: string, name: string): Record<string, number> {
  return Object.fromEntries([...readMetrics(text)].filter(([key]) => key === name || key.startsWith(`${name}{`)))
}
