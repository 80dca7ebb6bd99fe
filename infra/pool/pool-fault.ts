/** Why the pool cannot run, in a sentence that says what to do, and the exit code for it. */
export class PoolFault extends Error {
  readonly exitCode: number

  constructor(sentence: string, exitCode: number) {
    super(sentence)
    this.exitCode = exitCode
  }
}
