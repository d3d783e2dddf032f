/**
 * One canceller in the native library: frames of 10 ms are processed in place, at an address that does not change, so that the
 * two requests are encoded once.
 *
 * @since 0.1.0
 */
import { PipelineError } from "../../BackendError.ts"
import { type EchoCancellerStream, FRAME } from "../../speech/EchoCanceller.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { Bindings } from "./Bindings.ts"

const failed = (op: string, message: string, cause?: unknown): PipelineError =>
  new PipelineError({ op, message: `aec3: ${message}`, retryable: false, ...(cause === undefined ? {} : { cause }) })

/**
 * A canceller and what frees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenStream extends EchoCancellerStream {
  readonly dispose: () => void
}

/**
 * Makes a canceller, without noise suppression and gain control. Throws `PipelineError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (bindings: Bindings): OpenStream => {
  const { ApmProcessReverseStreamRequest, ApmProcessStreamRequest, FfiHandle, FfiRequest, FfiResponse, NewApmRequest } =
    bindings
  const encoded = (name: string, value: InstanceType<typeof ApmProcessStreamRequest>) =>
    new FfiRequest({ message: { case: name, value } }).toBinary()
  const made = FfiResponse.fromBinary(bindings.livekitFfiRequest(encoded(
    "newApm",
    new NewApmRequest({
      echoCancellerEnabled: true,
      noiseSuppressionEnabled: false,
      highPassFilterEnabled: true,
      gainControllerEnabled: false
    })
  ))).message.value
  const id = made?.apm?.handle?.id
  if (id === undefined) throw failed("EchoCanceller.open", `no canceller was made: ${made?.error ?? "no reason given"}`)
  const handle = new FfiHandle(id)
  // not part of a pool: its address never changes
  const memory = new ArrayBuffer(2 * FRAME)
  const frame = new Int16Array(memory)
  const fields = {
    apmHandle: id,
    dataPtr: bindings.livekitRetrievePtr(new Uint8Array(memory)),
    size: 2 * FRAME,
    sampleRate: TIMELINE_RATE,
    numChannels: 1
  }
  const playedRequest = encoded("apmProcessReverseStream", new ApmProcessReverseStreamRequest(fields))
  const heardRequest = encoded("apmProcessStream", new ApmProcessStreamRequest(fields))
  let disposed = false

  const process = (request: Uint8Array, pcm: Int16Array): void => {
    // the library ends the process over a frame of another length
    if (disposed || pcm.length !== FRAME) {
      throw failed("EchoCanceller.process", disposed ? "the session has ended" : `a frame of ${pcm.length} samples`)
    }
    frame.set(pcm)
    const response = bindings.livekitFfiRequest(request)
    // an answer without an error is its empty message: a tag of one or two bytes, and its length
    if (response.length <= 3) return
    const error = FfiResponse.fromBinary(response).message.value?.error
    if (error !== undefined && error !== "") throw failed("EchoCanceller.process", error)
  }

  return {
    played: (pcm) => process(playedRequest, pcm),
    heard: (pcm) => {
      process(heardRequest, pcm)
      pcm.set(frame)
    },
    dispose: () => {
      disposed = true
      handle.dispose()
    }
  }
}
