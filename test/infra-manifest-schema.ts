/** The shapes of the Kubernetes objects that we write, strict, with the settings that no pod of ours may lack. */
import * as z from "zod"

const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
const labels = z.record(z.string(), z.string())
const quantity = z.string().regex(/^\d+(?:m|Mi|Gi)?$/)
const metadata = z.strictObject({ name, namespace: z.literal("stored"), labels: labels.optional() })
const appLabels = z.strictObject({ app: name })
const secretKey = z.strictObject({ name: z.literal("stored"), key: name })

const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.enum(["/health", "/ready"]), port: z.literal("http") }),
  periodSeconds: z.int().min(1),
  timeoutSeconds: z.int().min(1).optional(),
  failureThreshold: z.int().min(1).optional(),
})

const container = z.strictObject({
  name,
  image: z.string(),
  args: z.array(z.string()).optional(),
  ports: z.array(z.strictObject({ name, containerPort: z.int() })).optional(),
  env: z.array(
    z.union([
      z.strictObject({ name: z.string(), value: z.string() }),
      z.strictObject({
        name: z.string(),
        value: z.undefined().optional(),
        valueFrom: z.strictObject({ secretKeyRef: secretKey }),
      }),
    ]),
  ),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal("ALL")]) }),
  }),
  resources: z.strictObject({
    requests: z.strictObject({ cpu: quantity, memory: quantity }),
    limits: z.strictObject({ memory: quantity }),
  }),
  volumeMounts: z.array(
    z.strictObject({ name, mountPath: z.string().startsWith("/"), readOnly: z.boolean().optional() }),
  ),
})

const volume = z.union([
  z.strictObject({ name, persistentVolumeClaim: z.strictObject({ claimName: name }) }),
  z.strictObject({ name, configMap: z.strictObject({ name }) }),
  z.strictObject({ name, emptyDir: z.strictObject({}) }),
  z.strictObject({
    name,
    secret: z.strictObject({
      secretName: z.literal("stored"),
      items: z.array(z.strictObject({ key: name, path: name })),
    }),
  }),
])

const template = z.strictObject({
  metadata: z.strictObject({ labels: appLabels }),
  spec: z.strictObject({
    automountServiceAccountToken: z.literal(false),
    terminationGracePeriodSeconds: z.int().min(20),
    securityContext: z.strictObject({
      runAsNonRoot: z.literal(true),
      runAsUser: z.int().min(1),
      runAsGroup: z.int().min(1),
      fsGroup: z.int().min(1),
      seccompProfile: z.strictObject({ type: z.literal("RuntimeDefault") }),
    }),
    containers: z.array(container).min(1),
    volumes: z.array(volume),
  }),
})

const claimSpec = z.strictObject({
  accessModes: z.tuple([z.enum(["ReadWriteOnce", "ReadWriteMany"])]),
  resources: z.strictObject({ requests: z.strictObject({ storage: quantity }) }),
})
const selector = z.strictObject({ matchLabels: appLabels })
const object = <Kind extends string, Spec extends z.ZodType>(apiVersion: string, kind: Kind, spec: Spec) =>
  z.strictObject({ apiVersion: z.literal(apiVersion), kind: z.literal(kind), metadata, spec })
const anyPods = z.strictObject({ matchLabels: labels.optional() })
const peer = z.strictObject({ podSelector: anyPods.optional(), namespaceSelector: anyPods.optional() })
const elsewhere = z.strictObject({ ipBlock: z.strictObject({ cidr: z.cidrv4() }) })
const ports = z.array(z.strictObject({ protocol: z.enum(["TCP", "UDP"]), port: z.int() })).min(1)

export const manifestSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("Namespace"),
    metadata: z.strictObject({ name: z.literal("stored"), labels }),
  }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("ConfigMap"),
    metadata,
    data: z.record(z.string(), z.string()),
  }),
  object("v1", "PersistentVolumeClaim", claimSpec),
  object(
    "v1",
    "Service",
    z.strictObject({
      selector: appLabels,
      ports: z.array(z.strictObject({ name, port: z.int(), targetPort: z.literal("http") })),
    }),
  ),
  object(
    "apps/v1",
    "StatefulSet",
    z.strictObject({
      serviceName: name,
      // One owner of catalog and staging.
      replicas: z.literal(1),
      selector,
      template,
      volumeClaimTemplates: z.array(z.strictObject({ metadata: z.strictObject({ name }), spec: claimSpec })),
    }),
  ),
  object("apps/v1", "Deployment", z.strictObject({ selector, template })),
  object(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    z.union([
      z.strictObject({
        podSelector: selector,
        policyTypes: z.tuple([z.literal("Ingress")]),
        ingress: z.array(z.strictObject({ from: z.array(peer).min(1), ports })),
      }),
      z.strictObject({
        podSelector: selector,
        policyTypes: z.tuple([z.literal("Egress")]),
        egress: z.array(z.strictObject({ to: z.array(z.union([peer, elsewhere])).min(1), ports })),
      }),
    ]),
  ),
  object(
    "keda.sh/v1alpha1",
    "ScaledObject",
    z.strictObject({
      scaleTargetRef: z.strictObject({ name }),
      minReplicaCount: z.int().min(1),
      maxReplicaCount: z.int(),
      cooldownPeriod: z.int(),
      triggers: z.array(
        z.strictObject({
          type: z.literal("prometheus"),
          metadata: z.strictObject({ serverAddress: z.url(), query: z.string(), threshold: z.string().regex(/^\d+$/) }),
        }),
      ),
    }),
  ),
])

export type Manifest = z.infer<typeof manifestSchema>

/** What a manifest that has pods says of them; null where it has none. */
export function podOf(manifest: Manifest) {
  if (manifest.kind !== "StatefulSet" && manifest.kind !== "Deployment") return null
  const { template } = manifest.spec
  const claims =
    manifest.kind === "StatefulSet" ? manifest.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name) : []
  return {
    labels: template.metadata.labels,
    containers: template.spec.containers,
    volumes: template.spec.volumes.map((volume) => volume.name),
    secrets: template.spec.volumes
      .flatMap((volume) => ("secret" in volume ? volume.secret.items : []))
      .map(({ path }) => path),
    claims,
  }
}
