/**
 * The worker thread of the neural voice: it reads the text of all sessions and makes the sound. Started by `VoiceThread`; plain
 * code without Effect.
 *
 * @since 0.1.0
 */
import { setImmediate as pause } from "node:timers/promises"
import { parentPort, workerData } from "node:worker_threads"
import { readPinned } from "../../local/ModelFile.ts"
import * as OnnxRuntime from "../../local/OnnxRuntime.ts"
import * as ModelFiles from "../ModelFiles.ts"
import * as AcousticNetwork from "../network/AcousticNetwork.ts"
import * as EnglishReader from "../text/EnglishReader.ts"
import * as TextTables from "../text/TextTables.ts"
import * as UnknownWords from "../text/UnknownWords.ts"
import { guard } from "./InferenceGuard.ts"
import { SpeechScheduler } from "./SpeechScheduler.ts"
import { type TextReader, TextSpeech } from "./TextSpeech.ts"
import type { FromWorker, SpeechRequest, ToWorker, WorkerOptions } from "./WorkerProtocol.ts"

const { accent, control, directory, runtimes, voice }: WorkerOptions = workerData

/** Where a comma allows a cut: phonemes of the first piece of a text, for an early start, and of the others. */
const LONGEST_FIRST = 60
const LONGEST = 120

const post = (message: FromWorker): void => {
  parentPort?.postMessage(message, message._tag === "Sound" ? [message.sound.pcm.buffer] : [])
}

const loadReader = async (runtime: OnnxRuntime.OnnxRuntime): Promise<TextReader> => {
  const read = (name: ModelFiles.FileName) => ModelFiles.read(directory, name)
  const american = accent === "us"
  const shared = TextTables.loadShared(read)
  const tables = TextTables.loadAccent(read, american ? "american" : "british")
  const session = await runtime.createSession(read(american ? "oov.onnx" : "oov_gb.onnx"))
  const letters = UnknownWords.ask(tables.letters, async (chars) => {
    const { ids } = await session.run({ chars: runtime.int64(chars, [1, chars.length]) })
    if (!(ids?.data instanceof BigInt64Array)) throw new Error("the letter network has unexpected outputs")
    return ids.data
  })
  const reader = EnglishReader.make(shared, tables)
  return {
    sentences: reader.sentences,
    pieces: (sentence, isFirst) =>
      UnknownWords.read(reader, letters, sentence, {
        longest: LONGEST,
        ...(isFirst ? { longestFirst: LONGEST_FIRST } : {})
      })
  }
}

const start = async (): Promise<void> => {
  const loaded = await OnnxRuntime.load(runtimes)
  const runtime = guard(loaded, control)
  const network = await AcousticNetwork.load(runtime, readPinned(voice.path, voice))
  const reader = await loadReader(runtime)
  const scheduler = new SpeechScheduler({ post, pause })

  const speech = (request: SpeechRequest, emit: (message: FromWorker & { readonly _tag: "Sound" }) => void) =>
    new TextSpeech(request, { reader, network, emit: (sound) => emit({ _tag: "Sound", id: request.id, sound }) })

  // what is compiled and allocated on first use
  const warm = speech(
    { id: 0, session: "", text: "Good morning, and thank you for calling.", speed: 1, gain: 1 },
    () => {}
  )
  while (await warm.step());

  parentPort?.on("message", (message: ToWorker) => {
    switch (message._tag) {
      case "Speak": {
        const { request } = message
        return scheduler.add(request.id, request.session, (emit) => speech(request, emit))
      }
      case "Cancel":
        return scheduler.cancel(message.id)
      case "Taken":
        return scheduler.taken(message.id)
      case "End":
        // terminating a worker in native code crashes the process: it exits after the inference in progress
        scheduler.clear()
        parentPort?.close()
    }
  })
  post({ _tag: "Ready", runtime: loaded.packageName, unusable: loaded.unusable })
}

start().catch((cause: unknown) => {
  const missing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
  post({ _tag: "Failed", message: cause instanceof Error ? cause.message : String(cause), missing })
})
