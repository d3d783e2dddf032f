/**
 * Where the networks of the voices that a config names are.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { packageFile } from "../../ExternalPackage.ts"
import type { ModelLocation } from "../../models/ModelLocation.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { type Accent, type VoiceModel, type VoiceName, voices as known } from "./ModelFiles.ts"

/**
 * A voice as a config names it.
 *
 * - `model`: the path or the address of its network. Default: the file of `heart`, which comes with the package.
 * - `accent`: the rules that text is read by. Default: those of a known voice, else `us`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedVoice {
  readonly name: string
  readonly model?: ModelLocation | undefined
  readonly accent?: Accent | undefined
}

const isKnown = (name: string): name is VoiceName => Object.hasOwn(known, name)

const fault = (voice: string, message: string) =>
  new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `engines.hibari: ${message}`,
    details: { engine: "hibari", missing: isKnown(voice) ? known[voice].file : voice }
  })

/** What comes with the package. */
const packed = (name: string): string =>
  fileURLToPath(packageFile(import.meta.url, `./model/${name}`, `engines/hibari/model/${name}`))

/**
 * Finds out whether the network of a voice is named, and there if it is a path. Fetches nothing.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = ({ model, name }: NamedVoice): Effect.Effect<void, InvalidConfig> => {
  if (typeof model === "string") {
    return existsSync(model) ? Effect.void : Effect.fail(fault(name, `there is no file ${model}`))
  }
  if (model !== undefined || name === "heart") return Effect.void
  if (!isKnown(name)) {
    return Effect.fail(fault(name, `${name} is no known voice: set its model, a path or { url, sha256 }`))
  }
  const { file, sha256 } = known[name]
  return Effect.fail(
    fault(
      name,
      `the voice ${name} is not part of the package: set its model to the path of ${file}, or to { url, sha256 } with ` +
        `the address of that file and ${sha256}`
    )
  )
}

/** From the store that is there, else from the user's cache. */
const fetched = (model: ModelLocation): Effect.Effect<string, BackendError> =>
  Effect.flatMap(Effect.serviceOption(ModelStore), (store) =>
    Option.match(store, {
      onSome: ({ file }) => file(model),
      onNone: () => Effect.provide(Effect.flatMap(ModelStore, ({ file }) => file(model)), ModelStore.layer)
    }))

/**
 * The network of a voice; what is at an address is fetched. A path of a known voice has that voice's hash, any other none: the
 * worker checks the files.
 *
 * @category accessors
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function*(
  voice: NamedVoice
): Effect.fn.Return<VoiceModel, BackendError> {
  yield* check(voice)
  const { model, name } = voice
  const accent = voice.accent ?? (isKnown(name) ? known[name].accent : "us")
  if (model === undefined) return { path: packed(known.heart.file), sha256: known.heart.sha256, accent }
  if (typeof model !== "string") return { path: yield* fetched(model), sha256: model.sha256, accent }
  return { path: model, sha256: isKnown(name) ? known[name].sha256 : undefined, accent }
})
