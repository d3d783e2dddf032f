/**
 * Turn detection by audio and words: the default detector. Smart Turn v3.2, 23 languages, comes with the package (8.7 MB).
 *
 * The model hears how the last 8 s of a turn sound, at each pause; the words may veto an end where they are sure, such as in a
 * number that is still dictated. One worker thread listens for all sessions: about 50 ms of CPU for a verdict on
 * `onnxruntime-node`, 250 ms on `onnxruntime-web`, and 85 or 185 MB of memory for the process. It starts in the background;
 * until it is ready, and while it fails, the words decide alone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { InvalidConfig } from "../../BackendError.ts"
import { packageFile } from "../../ExternalPackage.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TurnDetector } from "../../speech/TurnDetector.ts"
import * as InstalledRuntime from "../local/InstalledRuntime.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import * as EndOfTurn from "../local/words/EndOfTurn.ts"
import * as WordOptions from "../local/words/WordOptions.ts"
import * as SmartTurnWorker from "./SmartTurnWorker.ts"
import * as Verdict from "./Verdict.ts"

/**
 * Options of the engine: those of the words, as of the engine `text`.
 *
 * - `fillers`: filler phrases, after which the speaker goes on; of at most four words, as the others.
 * - `unfinished`: phrases that cannot end a turn.
 * - `complete`: phrases that end a turn; they precede the other lists.
 * - `phoneDigits`: possible lengths of a telephone number. Default 7, 10 and 11; [1, 20].
 *
 * @category models
 * @since 0.1.0
 */
export const SmartTurnOptions = Schema.Struct(WordOptions.fields).pipe(encodeKeys(WordOptions.keys))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type SmartTurnOptions = typeof SmartTurnOptions.Type

const name = "smart-turn"

const make = Effect.fnUntraced(function*(
  options: SmartTurnOptions
): Effect.fn.Return<TurnDetector["Service"], InvalidConfig, Scope.Scope> {
  yield* InstalledRuntime.check(name)
  const model = fileURLToPath(packageFile(
    import.meta.url,
    "./model/smart-turn-v3.2-cpu.onnx",
    "engines/smart-turn/model/smart-turn-v3.2-cpu.onnx"
  ))
  const { listen, probe } = yield* SmartTurnWorker.make({ model, packages: OnnxRuntime.PACKAGES })
  const endOfTurn = EndOfTurn.make(options)
  return {
    name,
    probe,
    listen,
    endOfTurn: (input) =>
      Effect.sync(() =>
        input.heard === undefined || EndOfTurn.knows(input.language)
          ? Verdict.combine(input.heard, endOfTurn(input))
          // words of a language that they do not know are sure of nothing
          : input.heard
      )
  }
})

/**
 * Provides `TurnDetector` with these options and the defaults of the others. Fails `invalid_config` where no ONNX runtime is
 * installed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<SmartTurnOptions>): Layer.Layer<TurnDetector, InvalidConfig> =>
  Layer.effect(TurnDetector, Effect.flatMap(EngineRegistry.complete(name, SmartTurnOptions, options), make))

/**
 * Registers as `smart-turn`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "turn",
  name,
  description: "End of turn from how the user sounds (Smart Turn v3.2, 23 languages) and from the words; embedded",
  options: SmartTurnOptions,
  layer,
  check: () => InstalledRuntime.check(name)
})
