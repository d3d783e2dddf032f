/** A process of its own that fetches a user's model: argv is the cache directory, npm's environment and the location as JSON. */
import * as Effect from "effect/Effect"
import { ModelStore } from "../../src/models/ModelStore.ts"

const [cacheDir, env, location] = process.argv.slice(2)
const program = Effect.gen(function*() {
  const store = yield* ModelStore
  process.stdout.write(yield* store.folder(JSON.parse(location ?? "{}")))
})
await Effect.runPromise(Effect.provide(program, ModelStore.layerOptions({ cacheDir, env: JSON.parse(env ?? "{}") })))
