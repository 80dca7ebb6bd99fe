/** Headless Chromium, and a relay before the server whose connections a test can cut. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { Transform } from "node:stream"
import { type BrowserContext, chromium } from "playwright-core"
import { onTestFinished } from "vitest"
import { provideProgram } from "../programs.ts"
import { whenFileIsOver } from "./file-over.ts"

/** A name under which the browser finds this machine. Unlike 127.0.0.1 it gets no more trust than any. */
export const ELSEWHERE = "stored.test"
const PROGRAM = "/usr/bin/chromium"

/** For `beforeAll`. @returns what opens a context, as of a browser that nobody has used, for one test */
export async function startBrowser(): Promise<() => Promise<BrowserContext>> {
  await provideProgram(PROGRAM, ["--version"], "chromium")
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio"].concat(
      `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`,
    ),
  })
  whenFileIsOver(() => browser.close())
  return async () => {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    return context
  }
}

export interface Relay {
  url: string
  /** heads of requests that came by, as they were sent */
  heads: string[]
  /** cuts every connection, and lets none through until it is joined again */
  cut(): void
  join(): void
}

export interface Hold {
  /** of each connection that go on at once */
  bytes: number
  /** when the others do */
  until: Promise<void>
}

/** Passes bytes on to a port, both ways, until the test is over. */
export async function relayTo(port: number, hold?: Hold): Promise<Relay> {
  const sockets = new Set<Socket>()
  const heads: string[] = []
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return void near.destroy()
    const far = connect(port, "127.0.0.1")
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      // Whoever goes takes the other along.
      socket
        .on("error", () => {})
        .on("close", () => {
          other.destroy()
          sockets.delete(socket)
        })
    }
    near.on("data", (chunk: Buffer) => void heads.push(chunk.toString("latin1")))
    ;(hold ? near.pipe(gateOf(hold)) : near).pipe(far).pipe(near)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const drop = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    drop()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heads,
    cut: () => {
      isCut = true
      drop()
    },
    join: () => {
      isCut = false
    },
  }
}

function gateOf({ bytes, until }: Hold): Transform {
  let passed = 0
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      passed += chunk.length
      if (passed <= bytes) done(null, chunk)
      else void until.then(() => done(null, chunk))
    },
  })
}
