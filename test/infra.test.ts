/** The files of infra/ without an engine and without a cluster: they parse, have the shape that they should, and name only what exists. */
import { readdir, readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import packageFacts from "../package.json" with { type: "json" }
import { parseEnvironment } from "../src/api/environment.ts"
import { isGuardedRedis } from "../src/core/redis-url.ts"
import { parseWorkerEnvironment } from "../workers/environment.ts"
import { composeSchema } from "./infra-compose-schema.ts"
import { dockerfileFaults } from "./infra-dockerfile.ts"
import { manifestSchema, podOf } from "./infra-manifest-schema.ts"
import { metricNames, unknownMetrics } from "./infra-metrics.ts"

const text = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), "utf8")

/** What server and workers read. */
async function knownVariables(): Promise<Set<string>> {
  const sources = await Promise.all(["src/api/environment.ts", "workers/environment.ts"].map(text))
  return new Set(
    sources
      .join("\n")
      .match(/^ {2}[A-Z_]+(?=: [a-zA-Z])/gm)
      ?.map((name) => name.trim()),
  )
}

/** variables that hold one */
const SECRET = /PASSWORD|TOKEN|KEY|REDIS_URL/
const METRICS_PORT = 9464
const SERVER_PORT = 7070

async function manifests() {
  const files = (await readdir(new URL("../infra/kubernetes", import.meta.url))).filter(
    (name) => name !== "kustomization.yaml",
  )
  const documents = await Promise.all(
    files.map(async (name) => parseAllDocuments(await text(`infra/kubernetes/${name}`))),
  )
  return documents.flat().map((document) => {
    expect(document.errors).toEqual([])
    return manifestSchema.parse(document.toJS())
  })
}

describe("the image", () => {
  it("keeps the rules for Dockerfiles", async () => {
    expect(dockerfileFaults(await text("infra/Dockerfile"))).toEqual([])
  })

  it("has the Node that the project is tested with, and what its stages copy is let in by .dockerignore", async () => {
    const dockerfile = await text("infra/Dockerfile")
    expect(new Set(dockerfile.match(/^FROM \S+/gm))).toEqual(
      new Set([`FROM node:${packageFacts.devDependencies.node}-bookworm-slim`]),
    )
    const letIn = (await text(".dockerignore")).match(/^!\S+/gm)?.map((line) => line.slice(1))
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources]) => sources!.split(" "))
    expect(new Set(copied)).toEqual(new Set(letIn))
    expect(await text(".dockerignore")).toMatch(/^\*$/m)
  })

  it.each([
    ["node", "FROM node:24.1.0-slim AS a\nFROM node:24.1.0-slim\nUSER root", /root/],
    ["no user", "FROM node:24.1.0-slim", /USER/],
    ["a user that is taken back", "FROM node:24.1.0-slim\nUSER node\nRUN a\nUSER 0", /root/],
    ["latest", "FROM node:latest\nUSER node", /version/],
    ["no tag", "FROM node\nUSER node", /version/],
    ["a short tag", "FROM node:24-slim\nUSER node", /version/],
    ["a secret", "FROM node:24.1.0-slim\nENV STORED_WORKER_TOKEN=abc\nUSER node", /secret/],
    ["a secret argument", "FROM node:24.1.0-slim\nARG NPM_PASSWORD\nUSER node", /secret/],
    ["ADD", "FROM node:24.1.0-slim\nADD http://x /x\nUSER node", /COPY/],
    ["a shell as process 1", "FROM node:24.1.0-slim\nUSER node\nCMD node x.js", /JSON/],
    ["npm install", "FROM node:24.1.0-slim\nRUN npm install\nUSER node", /npm ci/],
    ["all of the folder", "FROM node:24.1.0-slim\nCOPY . .\nUSER node", /names/],
  ])("a rule complains about %s", (_, dockerfile, sentence) => {
    expect(dockerfileFaults(`${dockerfile}\nHEALTHCHECK CMD ["true"]\nENTRYPOINT ["/usr/bin/tini", "--"]\n`)).toEqual([
      expect.stringMatching(sentence),
    ])
  })
})

describe("docker-compose.yml", () => {
  it("has the shape of a compose file, and its services lock themselves in", async () => {
    const { services, networks, volumes } = composeSchema.parse(parse(await text("docker-compose.yml")))
    expect(Object.keys(services)).toEqual(["redis", "server", "worker"])
    expect(services.redis!.ports).toBeUndefined()
    expect(services.redis!.networks).toEqual(["jobs"])
    expect(networks.jobs).toEqual({ internal: true })
    for (const [name, service] of Object.entries(services)) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      })
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
      for (const network of service.networks) expect(networks).toHaveProperty(network)
      for (const volume of service.volumes ?? [])
        if (!volume.startsWith(".")) expect(volumes).toHaveProperty(volume.split(":")[0]!)
      for (const other of Object.keys(service.depends_on ?? {})) {
        expect(services).toHaveProperty(other)
        expect(services[other]!.healthcheck?.disable ?? false, `${name} waits for the health of ${other}`).toBe(false)
      }
      // Docker names containers by number only where none has a name of its own.
      expect(service).not.toHaveProperty("container_name")
    }
    for (const name of ["server", "worker"]) expect(services[name]!.image).toBe(`stored:${packageFacts.version}`)
  })

  it("names only variables that are read, and has no secret in it", async () => {
    const known = await knownVariables()
    const { services } = composeSchema.parse(parse(await text("docker-compose.yml")))
    for (const name of ["server", "worker"])
      for (const variable of Object.keys(services[name]!.environment ?? {})) expect([...known]).toContain(variable)
    for (const { environment } of Object.values(services))
      for (const [variable, value] of Object.entries(environment ?? {}))
        if (SECRET.test(variable)) expect(value, variable).toMatch(/\$\{\w+:\?/)
    const dockerfile = await text("infra/Dockerfile")
    for (const [, variable] of dockerfile.matchAll(/\b(STORED_[A-Z_]+)=/g)) expect([...known]).toContain(variable)
    expect(dockerfile).toContain(`EXPOSE ${SERVER_PORT}\n`)
  })
})

describe("docker-compose.yml and the Procfile", () => {
  it("give server and workers a Redis that they take", async () => {
    const filled = (environment: Record<string, string>): Record<string, string> =>
      Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [
          name,
          value.replace(/\$\{\w+:-(\w*)\}/, "$1").replace(/\$\{[^}]*\}/, "0123456789abcdef".repeat(4)),
        ]),
      )
    const { services } = composeSchema.parse(parse(await text("docker-compose.yml")))
    const parsers = { server: parseEnvironment, worker: parseWorkerEnvironment }
    for (const [name, parser] of Object.entries(parsers)) {
      const environment = filled(services[name]!.environment ?? {})
      expect(() => parser(environment), name).not.toThrow()
      expect(environment.STORED_BACKEND_ENDPOINTS).toBe("any")
      expect("STORED_MASTER_KEY" in environment).toBe(name === "server")
      // Another network than this file's own would have to be guarded.
      expect(() => parser({ ...environment, STORED_INSECURE_REDIS: "" }), name).toThrow(/REDIS_URL: .*TLS/)
      const line = new RegExp(`^${name}: .*REDIS_URL="\\$\\{REDIS_URL:-([^}]*)\\}"`, "m").exec(await text("Procfile"))
      expect(isGuardedRedis(line?.[1] ?? "none")).toBe(true)
    }
  })
})

describe("the manifests for Kubernetes", () => {
  it("have the shapes of their kinds, are all listed, and fit together", async () => {
    const all = await manifests()
    const kinds = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    expect(kinds).toEqual(
      expect.arrayContaining([
        "Namespace/stored",
        "StatefulSet/stored-server",
        "Deployment/stored-worker",
        "ScaledObject/stored-worker",
      ]),
    )
    expect(new Set(kinds).size).toBe(kinds.length)
    // What is not applied unless somebody wants it is listed as a comment.
    const listed = (await text("infra/kubernetes/kustomization.yaml")).replace(/^( +)# (?=- )/gm, "$1")
    const { resources } = parse(listed) as { resources: string[] }
    const files = (await readdir(new URL("../infra/kubernetes", import.meta.url))).filter(
      (name) => name !== "kustomization.yaml",
    )
    expect(resources.toSorted()).toEqual(files.sort())
    const pods = all.flatMap((manifest) => podOf(manifest) ?? [])
    const labels = pods.map(({ labels }) => labels.app)
    for (const manifest of all) {
      const named = [...JSON.stringify(manifest).matchAll(/"matchLabels":\{"app":"([^"]*)"/g)].map(([, app]) => app)
      for (const app of named) expect(labels).toContain(app)
      if (manifest.kind === "Service") expect(labels).toContain(manifest.spec.selector.app)
      if (manifest.kind === "ScaledObject") expect(kinds).toContain(`Deployment/${manifest.spec.scaleTargetRef.name}`)
    }
  })

  it("have pods that are nobody, change nothing outside of their volumes, and hold no secret", async () => {
    const pods = (await manifests()).flatMap((manifest) => podOf(manifest) ?? [])
    expect(pods).toHaveLength(2)
    const known = await knownVariables()
    for (const { containers, claims, volumes } of pods) {
      for (const container of containers) {
        expect(container.image).toBe(`stored:${packageFacts.version}`)
        for (const { name } of container.volumeMounts) expect([...volumes, ...claims]).toContain(name)
        for (const { name, value } of container.env) {
          expect([...known]).toContain(name)
          if (SECRET.test(name) && value !== undefined) expect(value).toMatch(/^file:\/run\/secrets\//)
        }
      }
    }
  })

  it("give the master key to the server alone, from the secret, and one rule of endpoints to all", async () => {
    const pods = (await manifests()).flatMap((manifest) => podOf(manifest) ?? [])
    const variableOf = (pod: (typeof pods)[number], wanted: string) =>
      pod.containers.flatMap(({ env }) => env).find(({ name }) => name === wanted)?.value
    for (const pod of pods) {
      const isServer = pod.labels.app === "stored-server"
      const key = isServer ? "file:/run/secrets/stored/master-key" : undefined
      expect(variableOf(pod, "STORED_MASTER_KEY")).toBe(key)
      expect(pod.secrets.includes("master-key")).toBe(isServer)
      expect(variableOf(pod, "STORED_BACKEND_ENDPOINTS")).toBe("any")
    }
  })

  it("name only ports that something listens on", async () => {
    const doors = (await manifests()).filter(({ metadata }) => !metadata.name.endsWith("-egress"))
    const ports = doors.flatMap((manifest) => JSON.stringify(manifest).match(/"(?:containerPort|port)":\d+/g) ?? [])
    expect(new Set(ports.map((port) => Number(port.split(":")[1])))).toEqual(new Set([SERVER_PORT, METRICS_PORT]))
    expect(await text("src/api/environment.ts")).toContain(`.default(${SERVER_PORT})`)
  })
})

describe("what is measured", () => {
  it("the alerts ask for agreed names only, and each says what is wrong", async () => {
    const { groups } = parse(await text("infra/prometheus/alerts.yml")) as {
      groups: {
        rules: { alert: string; expr: string; annotations: { summary: string }; labels: { severity: string } }[]
      }[]
    }
    const rules = groups.flatMap((group) => group.rules)
    expect(rules.length).toBeGreaterThan(4)
    for (const { alert, expr, annotations, labels } of rules) {
      expect(unknownMetrics(expr), alert).toEqual([])
      expect(annotations.summary, alert).toMatch(/\.$|\)\.$/)
      expect(labels.severity, alert).toMatch(/^(?:critical|warning)$/)
    }
    const config = parse(await text("infra/prometheus/prometheus.yml"))
    expect(config).toMatchObject({
      rule_files: ["alerts.yml"],
      scrape_configs: [
        { static_configs: [{ targets: [`server:${SERVER_PORT}`] }] },
        { dns_sd_configs: [{ port: METRICS_PORT }] },
      ],
    })
  })

  it("the dashboard asks for agreed names only, and KEDA too", async () => {
    const { panels } = JSON.parse(await text("infra/grafana/dashboards/stored.json")) as {
      panels: { id: number; title: string; targets: { expr: string }[] }[]
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect(asked.flatMap(unknownMetrics)).toEqual([])
    const used = asked.flatMap(metricNames)
    expect(new Set(used).size).toBeGreaterThan(6)
    for (const manifest of await manifests())
      if (manifest.kind === "ScaledObject")
        expect(manifest.spec.triggers.flatMap(({ metadata }) => unknownMetrics(metadata.query))).toEqual([])
    for (const file of ["datasources/prometheus.yml", "dashboards/stored.yml"])
      expect(parse(await text(`infra/grafana/provisioning/${file}`))).toMatchObject({ apiVersion: 1 })
  })

  it.each([
    "stored_queue_job > 1",
    "sum(stored_jobs_total)",
    "stored_job_seconds > 1",
    "stored_cache_hits_total_bucket",
    "node_load1 > 4",
  ])("a name that is not agreed is found: %s", (expr) => expect(unknownMetrics(expr)).toHaveLength(1))
})
