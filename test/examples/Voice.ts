import { Context, Effect, Layer } from "effect"
import { Agent } from "effect-voice"
import { defineApp, run } from "effect-voice/cli"

class Guests extends Context.Service<Guests, {
  readonly roomOf: (user: string) => Effect.Effect<string | undefined>
}>()("hotel/Guests") {
  // yours asks a database
  static readonly layer = Layer.succeed(Guests, {
    roomOf: (user) => Effect.succeed(user === "talk" ? "twelve" : undefined)
  })
}

const concierge = Agent.fromCallback((words, { userId }) =>
  Effect.gen(function*() {
    const guests = yield* Guests
    const room = yield* guests.roomOf(userId)
    return room === undefined ? "Are you a guest of ours?" : `Yours is room ${room}. You said: ${words}`
  })
)

const app = defineApp({
  agents: { concierge },
  config: { conversation: { greeting: "Good evening, this is the hotel." } },
  layer: Guests.layer // without it: Property 'layer' is missing … 'Layer<Guests, unknown, never>'
})

export default app
if (import.meta.main) run(app)
