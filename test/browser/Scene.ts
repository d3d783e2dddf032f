/** What a test in a browser plays with: a voice for the microphone, an eye on the agent's meter, pictures. */
import { Effect, Stream } from "effect"
import type { Page } from "playwright-core"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"

export const silence = (seconds: number) => new Int16Array(16_000 * seconds)

/** A spoken text at 16 kHz. */
export const spoken = (text: string): Promise<Int16Array> =>
  Effect.runPromise(
    Effect.gen(function*() {
      const voice = yield* (yield* TextToSpeech).open({ sessionId: "microphone" })
      const chunks = yield* Stream.runCollect(voice.speak(Stream.succeed(text)))
      return Pcm.concat(chunks.map((chunk) => chunk.pcm))
    }).pipe(Effect.scoped, Effect.provide(Flite.layer()))
  )

/** The loudest that the agent's meter has shown so far, 0 to 1. */
export const watchMeter = (page: Page) =>
  page.evaluate(() => {
    const meter = document.querySelector<HTMLElement>("#meter-agent")
    const look = () => {
      const scale = Number(/scaleX\(([\d.]+)\)/u.exec(meter?.style.transform ?? "")?.[1] ?? 0)
      const loudest = Number(document.body.dataset["loudest"] ?? 0)
      if (scale > loudest) document.body.dataset["loudest"] = String(scale)
      document.body.dataset["meter"] = String(scale)
      requestAnimationFrame(look)
    }
    look()
  })

export const shot = async (page: Page, name: string) => {
  const directory = process.env["EFFECT_VOICE_SCREENSHOTS"]
  if (directory !== undefined) await page.screenshot({ path: `${directory}/${name}.png` })
}
