import type { Worker } from "bullmq"

/** ms that closing in order may take before the connection is cut */
const CLOSE_DEADLINE = 2_000

/** In order where Redis answers: `close` waits for jobs without a limit, and for a Redis that is away for ever. */
export async function closeWorker(worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_DEADLINE)
  })
  await Promise.race([worker.close().catch(() => {}), late])
  clearTimeout(timer)
}
