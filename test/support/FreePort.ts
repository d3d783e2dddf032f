/** Ports of loopback that nobody listens on. */
import { Effect } from "effect"
import { createServer } from "node:net"

/** One that is free now: bind it soon, before another process does. */
export const findFreePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export const freePort: Effect.Effect<number> = Effect.promise(findFreePort)
