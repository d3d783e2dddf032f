/** Exits while the detector's worker runs an inference; a test runs it and checks the exit code. */
import * as Effect from "effect/Effect"
import { BatchedStream } from "../../../src/engines/silero/BatchedStream.ts"
import * as SileroWorker from "../../../src/engines/silero/SileroWorker.ts"
import { frames, load } from "../Recordings.ts"

await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const { batches, probe } = yield* SileroWorker.make({
    model: process.argv[2] ?? "",
    rate: 16_000,
    packages: ["onnxruntime-node"]
  })
  yield* probe
  for (let i = 0; i < 20; i++) {
    const stream = new BatchedStream(batches, {
      rate: 16_000,
      threshold: 0.5,
      minSpeech: 1_024,
      minSilence: 3_200,
      onsetLag: 512,
      offsetLag: 512,
      onActivity: () => {}
    })
    for (const frame of frames(load("prudently")).slice(0, 60)) stream.push(frame)
  }
  batches.flush()
  yield* Effect.sleep(Number(process.argv[3]))
  process.exit(7)
})))
