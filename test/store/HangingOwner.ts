/** A process that writes a session of a PostgreSQL store without a pause; its test stops it in the middle of a transaction. */
import { Effect, Redacted } from "effect"
import * as PostgresStore from "../../src/store/PostgresStore.ts"

const program = Effect.gen(function*() {
  const store = yield* PostgresStore.make({ url: Redacted.make(String(process.argv[2])) })
  const lease = yield* store.create("hanging", { head: "{}", items: [] }, 60_000)
  process.stdout.write("writing\n")
  return yield* Effect.forever(store.write(lease, { head: "{}", from: 0, items: ["1"] }))
})

await Effect.runPromise(Effect.scoped(program))
