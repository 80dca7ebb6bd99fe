/** Numbers and times for people. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]

/** `1.5 MiB` */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[power]}`
}

/** `4 s`, `12 min`, `3 h`, `9 d` */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** `2026-01-31 09:15:00`, local time */
export function formatTime(time: number): string {
  const date = new Date(time - new Date(time).getTimezoneOffset() * 60_000)
  return date.toISOString().slice(0, 19).replace("T", " ")
}

/** Text from outside, safe on a terminal: control characters would move its cursor or worse. */
export function safe(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
}

/** `12,345`, or `12,345 files`, `1 file` */
export function formatCount(count: number, noun?: string): string {
  const digits = count.toLocaleString("en-US")
  return noun === undefined ? digits : `${digits} ${noun}${count === 1 ? "" : "s"}`
}
