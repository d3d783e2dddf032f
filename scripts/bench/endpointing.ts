/**
 * How often a speaker's pause is taken for the end of the turn, how often an end is missed, and how long it takes to be sure:
 * for silence alone, the words, the audio, and both.
 *
 * On recordings of people with labelled pauses (`endpointing/*.json`), which are fetched by the names of packages. A turn of
 * each runs in virtual time through the conversation's state machine, `TurnPrediction` and the engines; how long a verdict and a
 * transcript take is set to what an idle core needs.
 *
 * Usage: `npm run bench -- endpointing`; `-- endpointing --fresh` asks the models again about what they have answered before,
 * `--json FILE` writes each decision, `--only speech` leaves the prompts out, `--condition clean` the others.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import * as Moonshine from "../../src/engines/moonshine/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { ModelStore } from "../../src/models/ModelStore.ts"
import { Answers } from "./endpointing/Answers.ts"
import { conditions, type Cut, cutsOf, type Table } from "./endpointing/Cuts.ts"
import { report } from "./endpointing/Report.ts"
import { load, type Trial, trials } from "./endpointing/Trials.ts"

const { values } = parseArgs({
  options: {
    condition: { type: "string" },
    fresh: { type: "boolean", default: false },
    json: { type: "string" },
    only: { type: "string" }
  }
})
const directory = new URL("./endpointing/", import.meta.url)
const tables = readdirSync(directory).filter((file) => file.endsWith(".json"))

const readTable = (file: string): Table => JSON.parse(readFileSync(new URL(file, directory), "utf8"))

const program = Effect.gen(function*() {
  const resamplers = yield* Resampler.load
  const answers = new Answers(values.fresh)
  const detectors = yield* load(answers)
  const cuts: Array<Cut> = []
  for (const file of tables) {
    if (values.only !== undefined && !file.startsWith(values.only)) continue
    try {
      cuts.push(...cutsOf(readTable(file), resamplers))
    } catch (cause) {
      yield* Console.log(`${file} is left out: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  if (cuts.length === 0) return yield* Effect.die(new Error("there are no recordings to judge"))
  const all: Array<Trial> = []
  for (const condition of conditions.filter((one) => values.condition === undefined || values.condition === one)) {
    for (const [index, cut] of cuts.entries()) {
      all.push(...yield* trials(cut, condition, detectors, answers, resamplers))
      if (index % 20 === 0) answers.save()
    }
    answers.save()
    yield* Console.error(`${condition}: ${cuts.length} pauses`)
  }
  if (values.json !== undefined) {
    const lines = all.map(({ afterMs, condition, cut: { id, kind, set }, detector, pauseMs }) =>
      JSON.stringify({ id, set, kind, condition, detector, pauseMs, afterMs })
    )
    writeFileSync(values.json, lines.join("\n"))
  }
  yield* Console.log(report(all))
})

const engines = Layer.provide(Layer.mergeAll(Moonshine.layer({ interim: false }), Silero.layer()), ModelStore.layer)

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(engines)))
