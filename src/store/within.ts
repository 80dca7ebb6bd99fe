/** Waits for something, but not for ever. */

/** True once `work` has ended, false where `ms` ran out before. @throws what `work` throws within that time; later faults go to `late` */
export async function within(ms: number, work: Promise<unknown>, late: (error: unknown) => void): Promise<boolean> {
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      isOver = true
      resolve(false)
    }, ms)
  })
  const ended = work.then(
    () => true,
    (error: unknown) => {
      if (!isOver) throw error
      late(error)
      return true
    },
  )
  try {
    return await Promise.race([ended, over])
  } finally {
    clearTimeout(timer)
  }
}
