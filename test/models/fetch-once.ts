/**
 * A process of its own that fetches the toy model: argv is the cache directory, npm's environment and the model as JSON.
 */
import * as Effect from "effect/Effect"
import { ModelStore } from "../../src/models/ModelStore.ts"

const [cacheDir, env, model] = process.argv.slice(2)
const program = Effect.gen(function*() {
  const store = yield* ModelStore
  const files = yield* store.ensure("toy")
  process.stdout.write(JSON.stringify(files))
})
await Effect.runPromise(Effect.provide(
  program,
  ModelStore.layerOptions({ cacheDir, env: JSON.parse(env ?? "{}"), manifest: [JSON.parse(model ?? "{}")] })
))
