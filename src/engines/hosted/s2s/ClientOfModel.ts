/**
 * What the user's client tells a hosted model, added to what its engine and the session tell it.
 *
 * @since 0.1.0
 */
import type { SpeechToSpeechClient, SpeechToSpeechTool } from "../../../speech/SpeechToSpeech.ts"

/**
 * The engine's instructions with those of the client after them, and the session's tools with those of the client that have other
 * names.
 *
 * @category combinators
 * @since 0.1.0
 */
export const added = (
  instructions: string | undefined,
  tools: ReadonlyArray<SpeechToSpeechTool>,
  client: SpeechToSpeechClient
): SpeechToSpeechClient => {
  const own = new Set(tools.map(({ name }) => name))
  const told = [instructions, client.instructions].filter((each) => each !== undefined && each !== "")
  return {
    instructions: told.length === 0 ? undefined : told.join("\n\n"),
    tools: [...tools, ...client.tools.filter(({ name }) => !own.has(name))]
  }
}
