/** Every part is closed, whatever one of them throws; the first fault is told. */
export async function closeEach(parts: (() => Promise<unknown>)[]): Promise<void> {
  const faults: unknown[] = []
  for (const close of parts) {
    try {
      await close()
    } catch (error) {
      faults.push(error)
    }
  }
  if (faults.length > 0) throw faults[0]
}
