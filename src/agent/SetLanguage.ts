/**
 * Changes the language of the session from a tool.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import { CurrentSession } from "./CurrentSession.ts"

/**
 * Sets the language of the session (BCP 47), from the handler of a tool of `fromLanguageModel`: `VoiceSession.setLanguage`. The
 * rest of the answer is spoken in it, and the user is heard in it from the next utterance on. The result says which engines
 * follow. Fails `invalid_config` for a malformed tag and outside of a session.
 *
 * @category operations
 * @since 0.1.0
 */
export const setLanguage = (language: string): Effect.Effect<LanguageChange, BackendError> =>
  Effect.flatMap(CurrentSession, (session) =>
    session?.setLanguage === undefined
      ? Effect.fail(
        new InvalidConfig({ op: "Agent.setLanguage", message: "cannot set a language outside of a session" })
      )
      : session.setLanguage(language))
