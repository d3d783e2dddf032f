/**
 * Watches whether the server is reachable, and describes what it runs.
 *
 * @since 0.1.0
 */

/** The server is checked rarely while it is up, and often while it is down, so that the page recovers with it. */
const UP_INTERVAL_MS = 10_000
const DOWN_INTERVAL_MS = 1_500
const TIMEOUT_MS = 4_000

/**
 * Asks `/health/live` for as long as the page lives and reports each change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watchServer = (onChange: (up: boolean) => void): { readonly check: () => void } => {
  let up: boolean | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  const ask = async () => {
    if (asking) return
    asking = true
    clearTimeout(timer)
    const alive = await fetch("health/live", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) }).then(
      // A draining server answers 503, and is still reachable.
      (response) => response.ok || response.status === 503,
      () => false
    )
    asking = false
    timer = setTimeout(ask, alive ? UP_INTERVAL_MS : DOWN_INTERVAL_MS)
    if (alive !== up) {
      up = alive
      onChange(alive)
    }
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void ask()
  })
  void ask()
  return { check: () => void ask() }
}

/**
 * What a server runs, as label and value; `locked` when it rejects the key, `away` when it does not answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Description =
  | { readonly state: "locked" }
  | { readonly state: "away" }
  | {
    readonly state: "known"
    readonly provider: string | undefined
    readonly chips: ReadonlyArray<readonly [label: string, value: string]>
  }

/**
 * Asks the server for its provider and engines.
 *
 * @category accessors
 * @since 0.1.0
 */
export const describeServer = async (key: string | undefined): Promise<Description> => {
  try {
    const response = await fetch("v1/providers", {
      cache: "no-store",
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    if (response.status === 401) return { state: "locked" }
    if (!response.ok) return { state: "away" }
    const chips = describe(await response.json())
    return { state: "known", chips, provider: chips.find(([label]) => label === "Provider")?.[1] }
  } catch {
    return { state: "away" }
  }
}

const labels: ReadonlyArray<readonly [string, string]> = [
  ["stt", "STT"],
  ["tts", "TTS"],
  ["s2s", "S2S"],
  ["vad", "VAD"],
  ["turn", "Turns"],
  ["agent", "Agent"]
]

const describe = (body: unknown): ReadonlyArray<readonly [string, string]> => {
  if (!isRecord(body)) return []
  const chips: Array<readonly [string, string]> = []
  const active = body["active"]
  const configured = isRecord(active) ? active : body
  const providers = Array.isArray(body["providers"]) ? body["providers"] : []
  const only: unknown = providers.length === 1 ? providers[0] : undefined
  const provider = nameOf(configured["provider"]) ?? nameOf(only)
  if (provider !== undefined) chips.push(["Provider", provider])
  const engines = isRecord(configured["engines"]) ? configured["engines"] : configured
  for (const [key, label] of labels) {
    const name = nameOf(engines[key]) ?? nameOf(configured[key]) ?? nameOf(engines[`${key}_provider`])
    if (name !== undefined) chips.push([label, name])
  }
  return chips
}

const nameOf = (value: unknown): string | undefined => {
  const name = isRecord(value) ? value["name"] : value
  return typeof name === "string" && name !== "" ? name.slice(0, 40) : undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
