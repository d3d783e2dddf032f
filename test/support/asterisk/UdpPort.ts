/** A port of loopback that nobody uses for UDP. */
import { Effect } from "effect"
import { createSocket } from "node:dgram"

/** One that is free now: bind it soon, before another process does. */
export const freeUdpPort: Effect.Effect<number> = Effect.callback((resume) => {
  const probe = createSocket("udp4").bind(0, "127.0.0.1", () => {
    const { port } = probe.address()
    probe.close(() => resume(Effect.succeed(port)))
  })
})
