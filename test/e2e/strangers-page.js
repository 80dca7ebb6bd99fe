/**
 * What a page of somebody does: functions that run in the browser, by what a browser has and nothing else. JavaScript, as the project's compiler knows no browser.
 */

/** Uploads by XMLHttpRequest, and calls `onProgress` at each sign of it. @returns the status, and how many bytes had gone at each sign */
globalThis.uploadWithProgress = (path, size) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const steps = []
    request.upload.onprogress = ({ loaded }) => {
      steps.push(loaded)
      void globalThis.onProgress()
    }
    request.onload = () => resolve({ status: request.status, steps })
    request.onerror = () => reject(new Error("the upload failed"))
    request.open("PUT", path)
    request.send(new Uint8Array(size).fill(7))
  })

/** Downloads by fetch. @returns how much it was, its sha-256, and the one that the server says, both in base64 */
globalThis.download = async (path) => {
  const answer = await fetch(path)
  const bytes = await answer.arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return {
    size: bytes.byteLength,
    digest: btoa(String.fromCharCode(...digest)),
    told: /^sha-256=:(.*):$/.exec(answer.headers.get("repr-digest") ?? "")?.[1],
  }
}

/** Opens a sound and goes to a second of it. @returns where it stands then, and how long it is */
globalThis.seek = (path, second) =>
  new Promise((resolve, reject) => {
    const audio = document.createElement("audio")
    audio.preload = "metadata"
    audio.onerror = () => reject(new Error(audio.error?.message ?? "the sound does not play"))
    audio.onloadedmetadata = () => {
      audio.currentTime = second
    }
    audio.onseeked = () => resolve({ at: audio.currentTime, duration: audio.duration })
    audio.src = path
    document.body.append(audio)
  })

/** Listens to puts by EventSource, and keeps their sequences and keys in `heard`. Resolves once it is open. */
globalThis.listen = (path) =>
  new Promise((resolve) => {
    globalThis.heard = []
    const source = new EventSource(path)
    source.onopen = () => resolve()
    source.addEventListener("put", (event) => heard.push([event.lastEventId, JSON.parse(event.data).data.key]))
  })
