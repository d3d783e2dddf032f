/** The worker of the voice, which can be told to throw, or to hang. */
import { parentPort } from "node:worker_threads"

parentPort?.on("message", (message: unknown) => {
  if (message === "throw") throw new Error("broken")
  if (message === "hang") { while (true); }
})
await import("../../../src/engines/hibari/worker/VoiceWorker.ts")
