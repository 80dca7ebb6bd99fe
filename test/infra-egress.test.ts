/** What pods in Kubernetes may call where that is locked in too: the policies that are shown fit the rest of the manifests. */
import { readFile } from "node:fs/promises"
import { expect, it } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import { tracingVariables } from "../src/tracing/tracing-environment.ts"
import { manifestSchema } from "./infra-manifest-schema.ts"

const file = (name: string): Promise<string> =>
  readFile(new URL(`../infra/kubernetes/${name}`, import.meta.url), "utf8")

/** Who is called: an address, the pods of an app, or all of a namespace. */
function nameOf(peer: object): string | undefined {
  return /"(?:cidr|app|kubernetes.io\/metadata.name)":"([^"]*)"/.exec(JSON.stringify(peer))?.[1]
}

async function collectorIn(name: string): Promise<URL> {
  const line = /^ +# - \{ name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "(.*)" \}$/m.exec(await file(name))
  return new URL(tracingVariables.OTEL_EXPORTER_OTLP_ENDPOINT.parse(line?.[1]) ?? "")
}

it("server and workers may call names, Redis, the collector of their environment, backends by TLS; workers the server too", async () => {
  expect(parse(await file("kustomization.yaml")).resources).not.toContain("egress.yaml")
  const collector = await collectorIn("server.yaml")
  expect((await collectorIn("worker.yaml")).href).toBe(collector.href)
  const common = [
    ["kube-system", 53],
    ["redis", 6380],
    [collector.hostname.split(".")[1], Number(collector.port)],
    ["0.0.0.0/0", 443],
  ]
  const called = parseAllDocuments(await file("egress.yaml")).map((document) => {
    const manifest = manifestSchema.parse(document.toJS())
    if (manifest.kind !== "NetworkPolicy" || !("egress" in manifest.spec)) throw new Error(manifest.kind)
    const { podSelector, egress } = manifest.spec
    return [podSelector.matchLabels.app, egress.map(({ to: [peer], ports }) => [nameOf(peer!), ports[0]!.port])]
  })
  expect(called).toEqual([
    ["stored-server", common],
    ["stored-worker", common.toSpliced(1, 0, ["stored-server", 7070])],
  ])
})
