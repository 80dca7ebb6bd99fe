/**
 * The pool on one machine: Redis where none answers, then the server, then, once that is healthy, the workers. Ended in the other order, so that workers
 * can tell the server what became of their jobs. It owns nothing: whatever is killed, the server's data directory has the truth.
 */
import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { isRedisThere, portForRedis } from "./local-redis.ts"
import { Member, type MemberEnd } from "./member.ts"
import { PoolFault } from "./pool-fault.ts"

export interface PoolPlan {
  /** commands of `redis`, `server` and `worker` */
  commands: ReadonlyMap<string, string>
  workers: number
  directory: string
  environment: NodeJS.ProcessEnv
  /** told every line with the name of whoever says it */
  say(name: string, line: string): void
  /** ends the pool in order */
  ending: AbortSignal
  /** kills what is left at once */
  killing: AbortSignal
}

/** ms that each may take to end; a worker has its grace besides */
const DEADLINES = { worker: 15_000, server: 15_000, redis: 10_000 }
const GRACE = 10_000
const REDIS_DEADLINE = 15_000
/** EX_SOFTWARE: restart me. */
const EXIT_RESTART = 70
const EXIT_BAD_USAGE = 2
const EXIT_REDIS = 5
const DEFAULT_REDIS_URL = "redis://127.0.0.1:6379"

/** Resolves with the exit code once everything has ended. @throws PoolFault where it cannot start */
export async function runPool(plan: PoolPlan): Promise<number> {
  const { ending, killing } = plan
  const environment: NodeJS.ProcessEnv = {
    ...plan.environment,
    REDIS_URL: plan.environment.REDIS_URL || DEFAULT_REDIS_URL,
    STORED_WORKER_TOKEN: plan.environment.STORED_WORKER_TOKEN || randomBytes(32).toString("base64url"),
  }
  const over = Promise.withResolvers<number>()
  const end = (code: number): void => over.resolve(code)
  ending.addEventListener("abort", () => end(0), { once: true })
  const members: Member[] = []
  const killAll = (): void => {
    for (const member of members) member.kill()
  }
  killing.addEventListener("abort", killAll)
  // Whatever ends this process, nothing that it started stays behind.
  process.on("exit", killAll)

  const add = (
    name: string,
    restarts: (end: MemberEnd) => boolean,
    line: (text: string) => void = () => {},
    own: NodeJS.ProcessEnv = {},
  ): Member => {
    const member = new Member({
      name,
      command: commandOf(plan, name),
      directory: plan.directory,
      environment: () => ({ ...environment, ...own }),
      restarts,
      line: (text) => {
        plan.say(name, text)
        line(text)
      },
      note: (text) => plan.say("pool", `${name} ${text}`),
    })
    members.push(member)
    member.over.then(({ code, asked }) => {
      if (!asked) end(code ?? 1)
    }, over.reject)
    member.start()
    return member
  }

  /** Null where the end came first. */
  const unlessOver = <Value>(work: Promise<Value>): Promise<Value | null> =>
    Promise.race([work, over.promise.then(() => null)])

  const startRedis = async (): Promise<void> => {
    const url = environment.REDIS_URL ?? ""
    if (await isRedisThere(url)) return plan.say("pool", "a Redis answers at REDIS_URL and is used")
    environment.REDIS_PORT = String(await portForRedis(url, environment.PATH ?? ""))
    let wasThere = false
    add("redis", ({ code }) => wasThere && code !== 0)
    const late = performance.now() + REDIS_DEADLINE
    wasThere = await until(async () => {
      if (performance.now() > late) throw new PoolFault(`Redis did not answer within ${REDIS_DEADLINE} ms.`, EXIT_REDIS)
      return isRedisThere(url)
    }, over.promise)
  }

  const startServer = async (): Promise<void> => {
    const listening = Promise.withResolvers<URL>()
    add(
      "server",
      crashed((code) => code === EXIT_RESTART),
      (text) => {
        const address = /^StoreD listens on (\S+)$/.exec(text)?.[1]
        if (address) listening.resolve(reachable(new URL(address)))
      },
    )
    const url = await unlessOver(listening.promise)
    if (!url) return
    // After a restart it is found where it was.
    environment.STORED_PORT = url.port
    environment.STORED_URL = url.origin
    await until(() => isHealthy(url.origin), over.promise)
  }

  const startWorkers = (): void => {
    for (let number = 1; number <= plan.workers; number++)
      add(
        `worker.${number}`,
        crashed((code) => code !== 0 && code !== EXIT_BAD_USAGE),
        undefined,
        metricsPortOf(environment, number),
      )
  }

  const isOver = (): Promise<boolean> => Promise.race([over.promise.then(() => true), sleep(0, false)])
  try {
    for (const start of [startRedis, startServer, startWorkers]) {
      if (await isOver()) break
      await start()
    }
    if (!(await isOver())) plan.say("pool", `${plan.workers} workers for ${environment.STORED_URL}; Ctrl-C ends all`)
    const code = await over.promise
    const inOrder = await endInOrder(members, graceOf(environment))
    return inOrder && !killing.aborted ? code : Math.max(code, 1)
  } finally {
    killAll()
    process.off("exit", killAll)
  }
}

/** What was killed is started again; what ended by itself only with such a code. */
function crashed(isCrash: (code: number) => boolean): (end: MemberEnd) => boolean {
  return ({ code }) => code === null || isCrash(code)
}

function commandOf({ commands }: PoolPlan, name: string): string {
  const line = name.replace(/\.\d+$/, "")
  const command = commands.get(line)
  if (command === undefined) throw new PoolFault(`The Procfile has no line "${line}".`, EXIT_BAD_USAGE)
  return command
}

/** Workers first: they give back what they have; Redis last. True where none had to be killed. */
async function endInOrder(members: readonly Member[], grace: number): Promise<boolean> {
  const stages: [RegExp, number][] = [
    [/^worker\./, DEADLINES.worker + grace],
    [/^server$/, DEADLINES.server],
    [/^redis$/, DEADLINES.redis],
  ]
  let inOrder = true
  for (const [names, deadline] of stages) {
    const stage = members.filter(({ name }) => names.test(name))
    const ended = await Promise.all(stage.map((member) => member.stop(deadline)))
    inOrder &&= ended.every(Boolean)
  }
  return inOrder
}

function graceOf({ STORED_WORKER_GRACE }: NodeJS.ProcessEnv): number {
  return /^\d{1,7}$/.test(STORED_WORKER_GRACE ?? "") ? Number(STORED_WORKER_GRACE) : GRACE
}

/** A server that listens everywhere is reached on this machine. */
function reachable(url: URL): URL {
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1"
  if (url.hostname === "[::]") url.hostname = "[::1]"
  return url
}

const LOOK_EVERY = 50

/** Looks again and again. True once it is so, false where the end came first. */
async function until(isSo: () => Promise<boolean>, over: Promise<unknown>): Promise<boolean> {
  let isOver = false
  const end = (): void => {
    isOver = true
  }
  over.then(end, end)
  while (!isOver) {
    if (await isSo()) return true
    await sleep(LOOK_EVERY)
  }
  return false
}

function isHealthy(url: string): Promise<boolean> {
  return fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) }).then(
    (answer) => answer.ok,
    () => false,
  )
}

/** Workers on one host cannot share a port: the first has the one that is named, each further one the next. */
function metricsPortOf({ STORED_METRICS_PORT }: NodeJS.ProcessEnv, worker: number): NodeJS.ProcessEnv {
  const first = Number(STORED_METRICS_PORT || 0)
  return first > 0 ? { STORED_METRICS_PORT: String(first + worker - 1) } : {}
}
