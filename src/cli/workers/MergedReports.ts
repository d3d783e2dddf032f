/**
 * Merges the reports of several workers into one: metrics, lists of sessions, health. Pure.
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord, parseRecord } from "../../schema/Json.ts"

/**
 * Metrics in Prometheus' text format. Each sample gets the label `worker`; the help and type of a metric appear once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const metrics = (texts: ReadonlyArray<readonly [worker: number, text: string]>): string => {
  const families = new Map<string, { readonly head: Set<string>; readonly samples: Array<string> }>()
  for (const [worker, text] of texts) {
    let family = { head: new Set<string>(), samples: [] as Array<string> }
    for (const line of text.split("\n")) {
      const [, name] = /^# (?:HELP|TYPE) (\S+)/u.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name) ?? { head: new Set(), samples: [] }
        families.set(name, family)
        family.head.add(line)
        continue
      }
      const [, sample = "", labels, value = ""] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (.+)$/u.exec(line) ?? []
      if (sample === "") continue
      const own = `worker="${worker}"`
      family.samples.push(`${sample}{${labels === undefined || labels === "" ? own : `${labels},${own}`}} ${value}`)
      // a metric without help and type is a family of its own
      if (family.head.size === 0) families.set(sample, family)
    }
  }
  return Array.from(families.values(), ({ head, samples }) => [...head, ...samples].join("\n")).join("\n") + "\n"
}

const parse = (text: string): JsonRecord => parseRecord(text) ?? {}

/**
 * The sessions of all workers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sessions = (texts: ReadonlyArray<string>): string =>
  JSON.stringify({
    sessions: texts.flatMap((text) => {
      const { sessions } = parse(text)
      return Array.isArray(sessions) ? sessions : []
    })
  })

/**
 * Health: ready when any worker is ready, and degraded when any is not healthy. A worker that does not answer is listed
 * as an unhealthy part.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readiness = (
  answers: ReadonlyArray<{ readonly worker: number; readonly status: number; readonly text: string }>
): { readonly status: number; readonly text: string } => {
  const parts = answers.flatMap(({ status, text, worker }) => {
    const { parts } = parse(text)
    return status === 0 || !Array.isArray(parts)
      ? [{ name: `worker_${worker}`, status: "unhealthy", cause: "it does not answer" }]
      : parts.filter(isRecord).map((part) => ({ ...part, name: `worker_${worker}:${String(part["name"])}` }))
  })
  const ready = answers.some(({ status }) => status === 200)
  const well = answers.every(({ status, text }) => status === 200 && parse(text)["status"] === "healthy")
  return {
    status: ready ? 200 : 503,
    text: JSON.stringify({
      status: !ready ? "unhealthy" : well ? "healthy" : "degraded",
      ready,
      ...(ready ? {} : { reason: "no worker takes new sessions" }),
      parts
    })
  }
}
