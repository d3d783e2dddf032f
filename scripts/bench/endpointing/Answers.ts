/**
 * What the engines said about a piece of audio, kept in the user's cache: many rules can be tried on one pass of the models.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Pcm from "../../../src/audio/Pcm.ts"
import { files } from "../../../src/engines/smart-turn/ModelFiles.ts"
import { cache } from "./Fetch.ts"

const path = join(cache, `answers-${files["smart-turn-v3.2-cpu.onnx"].sha256.slice(0, 8)}.json`)

const stored = (): Record<string, unknown> => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return {}
  }
}

/** With `fresh`, those of earlier runs are not used. */
export class Answers {
  readonly #known: Map<string, unknown>

  constructor(fresh: boolean) {
    this.#known = new Map(fresh ? [] : Object.entries(stored()))
  }

  /** The answer to a question about the audio, asked once. */
  of<A extends string | number, E, R>(
    question: string,
    pcm: Int16Array,
    ask: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    const key = `${question} ${createHash("sha1").update(Pcm.fromInt16(pcm)).digest("base64")}`
    const known = this.#known.get(key) as A | undefined // only this question's answers are under its key
    return known === undefined
      ? Effect.tap(ask, (answer) => Effect.sync(() => this.#known.set(key, answer)))
      : Effect.succeed(known)
  }

  save(): void {
    mkdirSync(cache, { recursive: true })
    writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(this.#known)))
    renameSync(`${path}.new`, path)
  }
}
