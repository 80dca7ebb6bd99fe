/** A request's path as logs may have it: without its query, which may hold a token or a signature, and in printable ASCII, so that it draws no lines of its own. */

const MOST = 1_024

export function loggedPath(url: string): string {
  // Node gives bytes as Latin-1, one character each.
  const path = url.replace(/[?#].*$/s, "").replace(/[^\x21-\x7e]/g, (character) => {
    const code = character.charCodeAt(0)
    return `%${(code & 0xff).toString(16).toUpperCase().padStart(2, "0")}`
  })
  return path.length > MOST ? `${path.slice(0, MOST)}…` : path
}
