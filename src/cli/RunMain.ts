/**
 * Runs a command as a process, with its signals and its exit code.
 *
 * The first signal interrupts the command, which drains the server; the second ends the process at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { constants } from "node:os"

type Signal = "SIGINT" | "SIGTERM"

const codeOf = (signal: Signal) => 128 + constants.signals[signal]

const flush = (stream: NodeJS.WriteStream, then: () => void): void => {
  if (!stream.writable || stream.writableLength === 0) return then()
  stream.write("", () => then())
}

/**
 * Runs an effect that returns its exit code. After a signal the code is 0 when it was `serving`, since that is how a server
 * ends, else that of the signal.
 *
 * @category running
 * @since 0.1.0
 */
export const runMain = (effect: Effect.Effect<number>, { serving }: { readonly serving: boolean }): void => {
  let received: Signal | undefined
  const fiber = Effect.runFork(effect)
  const keepAlive = setInterval(() => {}, 2_147_483_647)
  const onSignal = (signal: Signal) => {
    if (received !== undefined) process.exit(codeOf(signal))
    received = signal
    fiber.interruptUnsafe()
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  fiber.addObserver((exit) => {
    clearInterval(keepAlive)
    const code = exit._tag === "Success" ? exit.value : received === undefined ? 1 : serving ? 0 : codeOf(received)
    // native engines may keep the process alive, so it exits explicitly, after the output is flushed
    process.exitCode = code
    flush(process.stdout, () => flush(process.stderr, () => process.exit(code)))
  })
}
