/**
 * The worker thread of the neural voice: it reads the text of all sessions and makes the sound. Started by `VoiceThread`; plain
 * code without Effect.
 *
 * @since 0.1.0
 */
import { setImmediate as pause } from "node:timers/promises"
import { parentPort, workerData } from "node:worker_threads"
import * as OnnxRuntime from "../../local/OnnxRuntime.ts"
import * as ModelFiles from "../ModelFiles.ts"
import * as AcousticNetwork from "../network/AcousticNetwork.ts"
import * as GuardedRuntime from "./GuardedRuntime.ts"
import { SpeechScheduler } from "./SpeechScheduler.ts"
import * as TextReaders from "./TextReaders.ts"
import { TextSpeech } from "./TextSpeech.ts"
import type { FromWorker, SpeechRequest, ToWorker, WorkerOptions } from "./WorkerProtocol.ts"

const { current, directory, guard, runtimes, voices }: WorkerOptions = workerData

const post = (message: FromWorker): void => {
  parentPort?.postMessage(message, message._tag === "Sound" ? [message.sound.pcm.buffer] : [])
}

/** The networks of the voices; those of the same file are one. */
const loadNetworks = async (
  runtime: OnnxRuntime.OnnxRuntime
): Promise<ReadonlyArray<AcousticNetwork.AcousticNetwork>> => {
  const loaded = new Map<string, AcousticNetwork.AcousticNetwork>()
  const networks: Array<AcousticNetwork.AcousticNetwork> = []
  for (const voice of voices) {
    const { content, sha256 } = ModelFiles.readVoice(voice)
    const network = loaded.get(sha256) ??
      await AcousticNetwork.load(runtime, content).catch((cause: unknown) => {
        throw cause instanceof ModelFiles.NotAVoice
          ? new ModelFiles.NotAVoice(`${voice.path}: ${cause.message}`)
          : cause
      })
    loaded.set(sha256, network)
    networks.push(network)
  }
  return networks
}

const start = async (): Promise<void> => {
  const loaded = await OnnxRuntime.load(runtimes)
  const runtime = GuardedRuntime.make(loaded, guard)
  const networks = await loadNetworks(runtime)
  const readers = await TextReaders.load(runtime, directory, voices.map(({ accent }) => accent))
  const scheduler = new SpeechScheduler({
    post,
    pause,
    onStep: (id) => {
      Atomics.store(current, 0, id)
      Atomics.add(current, 1, 1)
    }
  })

  const speech = (request: SpeechRequest, emit: (message: FromWorker & { readonly _tag: "Sound" }) => void) => {
    const reader = readers[request.voice]
    const network = networks[request.voice]
    if (reader === undefined || network === undefined) throw new RangeError(`there is no voice ${request.voice}`)
    return new TextSpeech(request, { reader, network, emit: (sound) => emit({ _tag: "Sound", id: request.id, sound }) })
  }

  // what is compiled and allocated on first use
  const warm = speech(
    { id: 0, session: "", voice: 0, text: "Good morning, and thank you for calling.", speed: 1, gain: 1 },
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
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
  post({
    _tag: "Failed",
    message: cause instanceof Error ? cause.message : String(cause),
    fault: cause instanceof ModelFiles.NotAVoice ? "model" : isMissing ? "package" : "other"
  })
})
