/** Walks a table of the catalog page by page, so that no iteration stays open while its rows are worked on. */
const PAGE = 500

/**
 * @param read one page of at most `limit` rows after a cursor, undefined for the first
 * @param cursorOf the cursor that a row is
 */
export function* everyRow<Row, Cursor>(
  read: (page: { limit: number; after?: Cursor }) => Iterable<Row>,
  cursorOf: (row: Row) => Cursor,
): Generator<Row> {
  let after: Cursor | undefined
  for (;;) {
    const page = [...read({ limit: PAGE, ...(after !== undefined && { after }) })]
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = cursorOf(last)
  }
}
