/**
 * Loaded into the server under soak, by `--import`: reports memory and open resources after garbage collection to its parent on request.
 *
 * @since 0.1.0
 */
import { monitorEventLoopDelay } from "node:perf_hooks"

/** Bytes; how late the event loop was since the last time, in ms; and what kinds of resources are open. */
export interface Inside {
  readonly heap: number
  readonly external: number
  readonly rss: number
  readonly lagP99: number
  readonly lagMax: number
  readonly resources: Readonly<Record<string, number>>
}

if (process.send !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  process.on("message", () => {
    // the pause of garbage collection does not count as event-loop lag
    const lag = { lagP99: delay.percentile(99) / 1e6 - 10, lagMax: delay.max / 1e6 - 10 }
    for (let i = 0; i < 2; i++) globalThis.gc?.()
    const { external, heapUsed, rss } = process.memoryUsage()
    const resources: Record<string, number> = {}
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
    process.send?.({ heap: heapUsed, external, rss, ...lag, resources } satisfies Inside)
    delay.reset()
  })
  // does not keep the process alive
  process.channel?.unref()
}
