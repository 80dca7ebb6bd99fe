/** Our rules for Dockerfiles, each as a sentence that says what to do. */

export function dockerfileFaults(text: string): string[] {
  const steps = text
    .replace(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1) }))
  const of = (word: string): string[] => steps.filter((step) => step.word === word).map(({ rest }) => rest)
  const found: string[] = []
  for (const base of of("FROM"))
    if (!/^\S+:\d+\.\d+\.\d+\S*(?: AS \w+)?$/.test(base))
      found.push(`FROM ${base}: name the whole version, so that a build can be repeated.`)
  const last = steps.slice(steps.findLastIndex(({ word }) => word === "FROM"))
  const user = last.findLast(({ word }) => word === "USER")?.rest
  if (user === undefined) found.push("The last stage has no USER: it would run as its base does.")
  else if (/^(?:root|0)\b/.test(user)) found.push(`USER ${user}: the service needs no root.`)
  for (const rest of [...of("ENV"), ...of("ARG")])
    if (/(?:TOKEN|PASSWORD|SECRET|KEY|REDIS_URL)/.test(rest))
      found.push(`${rest}: a secret in an image is everybody's; give it when it runs.`)
  for (const rest of of("ADD")) found.push(`ADD ${rest}: COPY does what it says.`)
  for (const rest of of("COPY"))
    if (/(?:^| )\.\/? /.test(rest)) found.push(`COPY ${rest}: copy what is needed by its names.`)
  for (const rest of of("RUN"))
    if (/\bnpm (?:i|install)\b/.test(rest)) found.push(`RUN ${rest}: npm ci keeps to the lockfile.`)
  for (const word of ["CMD", "ENTRYPOINT"])
    for (const rest of of(word))
      if (!rest.startsWith("[")) found.push(`${word} ${rest}: write it as a JSON array, or a shell gets the signals.`)
  if (!of("ENTRYPOINT").some((rest) => rest.includes("tini")))
    found.push("ENTRYPOINT: Node as process 1 ignores signals that it does not listen for; use tini.")
  if (of("HEALTHCHECK").length === 0) found.push("There is no HEALTHCHECK.")
  return found
}
