/**
 * Loaded into the server under soak, by `--import`: tells its parent, when asked, what is alive after garbage collection.
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
    // what collecting takes is not the server's
    const lag = { lagP99: delay.percentile(99) / 1e6 - 10, lagMax: delay.max / 1e6 - 10 }
    for (let i = 0; i < 2; i++) globalThis.gc?.()
    const { external, heapUsed, rss } = process.memoryUsage()
    const resources: Record<string, number> = {}
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
    process.send?.({ heap: heapUsed, external, rss, ...lag, resources } satisfies Inside)
    delay.reset()
  })
  // no reason for the server to live
  process.channel?.unref()
}
