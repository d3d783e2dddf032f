/**
 * Loads the module of an application: TypeScript, whose types Node strips, or JavaScript.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { statSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type BackendError, describe, InvalidConfig } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import { type App, isApp } from "./App.ts"
import * as LayerApp from "./LayerApp.ts"

const op = "App.load"

/** A module may wait for something at its top level. */
const LOAD_WITHIN = "1 minute"

const invalid = (message: string, cause?: unknown) =>
  new InvalidConfig({ op, message, ...(cause === undefined ? {} : { cause }) })

/** Node's message for a file that is not there names the module that asked for it, which is ours. */
const requireFile = (file: string, path: string): Effect.Effect<void, InvalidConfig> =>
  Effect.suspend(() => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return invalid(`cannot load the application ${file}: no such file`)
    return found.isFile() ? Effect.void : invalid(`cannot load the application ${file}: it is not a file`)
  }).pipe(Effect.catchDefect((cause) => invalid(`cannot load the application ${file}: ${describe(cause)}`, cause)))

/** Where in a file something was thrown, for an error that Node has given a stack: ` (voice.ts:3)`. */
const placeOf = (cause: unknown): string => {
  const stack = cause instanceof Error && typeof cause.stack === "string" ? cause.stack : ""
  const [, url = "", line = ""] = /(file:\/\/[^\s)]+?):(\d+)/.exec(stack) ?? []
  return URL.canParse(url) ? ` (${relative("", fileURLToPath(url))}:${line})` : ""
}

const importModule = (file: string, path: string): Effect.Effect<unknown, BackendError> =>
  Effect.tryPromise({
    try: (): Promise<unknown> => import(pathToFileURL(path).href),
    catch: (cause) => invalid(`cannot load the application ${file}: ${describe(cause)}${placeOf(cause)}`, cause)
  }).pipe(deadline(op, `the application ${file}`, LOAD_WITHIN))

/** A module that was compiled to CommonJS has its default export inside that of Node. */
const defaultOf = (exported: unknown): unknown =>
  isRecord(exported) && exported["__esModule"] === true ? exported["default"] : exported

/** What kind of value stands where an application should. */
const kindOf = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
    ? "a list"
    : typeof value === "object"
    ? "an object"
    : `a ${typeof value}`

/**
 * An application that a program gives: one of `defineApp`, or a Layer, which is built in the current scope. Fails
 * `invalid_config` with all faults of its parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = Effect.fnUntraced(function*(
  given: unknown,
  what: string
): Effect.fn.Return<App, BackendError, Scope.Scope> {
  // one that is not complete dies when it is built
  if (Layer.isLayer(given)) return yield* LayerApp.make(given as unknown as Layer.Layer<never, unknown>)
  if (!isApp(given)) {
    return yield* invalid(`${what} is ${kindOf(given)}: expected what defineApp gives, or a Layer`)
  }
  if (given.faults.length > 0) return yield* Faults.toError(op, `${what} is not valid`, given.faults)
  return given
})

/**
 * Loads an application from a file; a process loads each file once. A file that is missing or throws, and one whose default
 * export is no application, fail `invalid_config` with a sentence that names it.
 *
 * @category loading
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function*(file: string): Effect.fn.Return<App, BackendError, Scope.Scope> {
  const path = resolve(file)
  yield* requireFile(file, path)
  const module = yield* importModule(file, path)
  if (!isRecord(module) || !Object.hasOwn(module, "default")) {
    return yield* invalid(`the application ${file} has no default export: expected export default defineApp({ … })`)
  }
  const app = yield* of(defaultOf(module["default"]), `the default export of ${file}`)
  return { ...app, file }
})
