/**
 * The process that a model runs in: the library ends its process on a model that it cannot use, and blocks its thread while it
 * decodes.
 *
 * It is started by `SherpaProcess`, loads one model, and ends with its parent.
 *
 * @since 0.1.0
 */
import { ModelFault } from "../model/ModelFault.ts"
import * as SttModels from "../model/SttModels.ts"
import * as TtsModels from "../model/TtsModels.ts"
import type { Load, Loaded, Outcome, Reply, Request } from "./ChildProtocol.ts"
import * as Continuous from "./Continuous.ts"
import type * as Library from "./Library.ts"
import * as Utterances from "./Utterances.ts"
import * as Voice from "./Voice.ts"

/** Handles requests of one kind of model. */
type Handler = (request: Request) => void

const RATE = 16_000

// a terminal signals its whole group; this process ends when its parent does
process.on("SIGINT", () => {})
process.on("SIGTERM", () => {})
process.on("disconnect", () => process.exit(0))

const post = (message: Outcome | Reply): void => {
  if (process.connected) process.send?.(message)
}

const textOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Quiet noise: what a decode of nothing runs into, it runs into here and not in a call. */
const noise = (seconds: number): Float32Array => {
  const samples = new Float32Array(seconds * RATE)
  let state = 1
  for (let i = 0; i < samples.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    samples[i] = (state / 0x7fffffff - 0.5) / 500
  }
  return samples
}

const startStt = async (
  sherpa: Library.Sherpa,
  load: Extract<Load, { readonly task: "stt" }>,
  model: SttModels.SttModel
): Promise<readonly [Loaded, Handler]> => {
  const config = {
    featConfig: { sampleRate: RATE, featureDim: 80 },
    modelConfig: { ...model.config, numThreads: load.threads, provider: "cpu", debug: 0 }
  }
  const loaded = { kind: model.kind, streaming: model.streaming, sampleRate: RATE, speakers: 0 }
  if (!model.streaming) {
    const utterances = new Utterances.Utterances(await sherpa.OfflineRecognizer.createAsync(config), post)
    await utterances.decode(noise(1))
    return [loaded, (request) => utterances.handle(request)]
  }
  const recognizer = new sherpa.OnlineRecognizer({
    ...config,
    decodingMethod: "greedy_search",
    enableEndpoint: 1,
    rule1MinTrailingSilence: Continuous.SILENCE_WITHOUT_WORDS,
    rule2MinTrailingSilence: load.endpointSilence,
    rule3MinUtteranceLength: Continuous.LONGEST
  })
  const continuous = new Continuous.Continuous(recognizer, post)
  continuous.warm(noise(2))
  return [loaded, (request) => continuous.handle(request)]
}

const startTts = async (
  sherpa: Library.Sherpa,
  load: Extract<Load, { readonly task: "tts" }>,
  model: TtsModels.TtsModel
): Promise<readonly [Loaded, Handler]> => {
  const { model: files, ...rest } = model.config
  const tts = await sherpa.OfflineTts.createAsync({
    model: { ...files as object, numThreads: load.threads, provider: "cpu", debug: 0 },
    maxNumSentences: 1,
    ...rest
  })
  const voice = new Voice.Voice(tts, post)
  await voice.warm()
  const speakers = Math.max(1, tts.numSpeakers)
  return [
    { kind: model.kind, streaming: false, sampleRate: tts.sampleRate, speakers },
    (request) => voice.handle(request)
  ]
}

const start = async (load: Load): Promise<void> => {
  // before the library sees them
  const stt = load.task === "stt" ? SttModels.find(load.request) : undefined
  const tts = load.task === "tts" ? TtsModels.find(load.request) : undefined
  let sherpa: Library.Sherpa
  try {
    sherpa = (await import(load.packageName)).default
  } catch (cause) {
    return post({ type: "missing", message: textOf(cause) })
  }
  const [loaded, handle] = load.task === "stt" && stt !== undefined
    ? await startStt(sherpa, load, stt)
    : load.task === "tts" && tts !== undefined
    ? await startTts(sherpa, load, tts)
    : [undefined, () => {}]
  process.on("message", (request: Request) => handle(request))
  if (loaded !== undefined) post({ type: "ready", loaded })
}

process.once("message", (load: Load) => {
  start(load).catch((cause: unknown) => {
    const message = cause instanceof ModelFault ? cause.message : `the library cannot load it: ${textOf(cause)}`
    post({ type: "refused", message })
  })
})
