/** A store whose verbs that take time are spans. A decorator of the face; where nobody collects spans, it is the store itself. */
import type { Attributes, Tracer } from "../tracing/tracer.ts"
import type { Store } from "./store.ts"

const VERBS = ["put", "get", "open", "stat", "delete", "deleteMany", "copy", "move", "archive", "synced"] as const
type Verb = (typeof VERBS)[number]

type Method = (...words: unknown[]) => Promise<unknown>

export function tracedStore(store: Store, tracer: Tracer | null): Store {
  if (!tracer) return store
  const traced = VERBS.map((verb) => [verb, verbWithin(store[verb] as Method, verb, tracer)])
  return Object.assign(Object.create(null, Object.getOwnPropertyDescriptors(store)), Object.fromEntries(traced))
}

function verbWithin(run: Method, verb: Verb, tracer: Tracer): Method {
  return (...words) =>
    tracer.within(
      `store.${verb}`,
      { attributes: { "stored.operation": verb, ...keyOf(words, tracer) } },
      async (span) => {
        const answer = await run(...words)
        const size = sizeOf(answer)
        if (size !== undefined) span.set({ "stored.size": size })
        return answer
      },
    )
}

/** Bytes of what was put, got, or found. */
function sizeOf(answer: unknown): number | undefined {
  if (Buffer.isBuffer(answer)) return answer.length
  if (typeof answer !== "object" || answer === null || !("size" in answer)) return undefined
  return typeof answer.size === "number" ? answer.size : undefined
}

function keyOf(words: unknown[], { tellsKeys }: Tracer): Attributes {
  if (!tellsKeys) return {}
  const texts = words.filter((word) => typeof word === "string")
  const [key = keyOption(words[1])] = texts
  return key === undefined ? {} : { "stored.key": key }
}

/** `put` has its key among its options. */
function keyOption(options: unknown): string | undefined {
  if (typeof options !== "object" || options === null || !("key" in options)) return undefined
  return typeof options.key === "string" ? options.key : undefined
}
